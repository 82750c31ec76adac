package main

import (
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// fault is a rule of what goes wrong; the first that matches a request decides.
// An empty field of the match fits all, but a rule without a user leaves the
// user "admin", the test itself, alone.
type fault struct {
	Verb     string `json:"verb,omitempty"`
	Resource string `json:"resource,omitempty"` // regexp of resource[/subresource]
	Name     string `json:"name,omitempty"`     // regexp
	User     string `json:"user,omitempty"`
	URI      string `json:"uri,omitempty"` // regexp of path and query

	Action     string  `json:"action"`               // status, delay, hang, reset, cut, slow
	After      bool    `json:"after,omitempty"`      // status, delay, hang, reset: once the request took effect
	Status     int     `json:"status,omitempty"`     // status
	Reason     string  `json:"reason,omitempty"`     // status: else the usual one
	Message    string  `json:"message,omitempty"`    // status
	RetryAfter int     `json:"retryAfter,omitempty"` // status: seconds
	Delay      float64 `json:"delay,omitempty"`      // delay: seconds
	Bytes      int     `json:"bytes,omitempty"`      // cut: after so many; slow: so many a second
	Percent    float64 `json:"percent,omitempty"`    // how many of the matching requests; 0 is all
	Seed       int64   `json:"seed,omitempty"`       // of the dice for percent
	Count      int     `json:"count,omitempty"`      // how often; 0 is until removed
	Hits       int     `json:"hits"`                 // how often it has been

	resource, name, uri *regexp.Regexp
	dice                *rand.Rand
	removed             chan struct{}
}

var faultActions = []string{"status", "delay", "hang", "reset", "cut", "slow"}

func (f *fault) compile() (err error) {
	if !slices.Contains(faultActions, f.Action) {
		return fmt.Errorf("no fault is called %q", f.Action)
	}
	for _, p := range []struct {
		text string
		into **regexp.Regexp
	}{{f.Resource, &f.resource}, {f.Name, &f.name}, {f.URI, &f.uri}} {
		if *p.into, err = regexp.Compile(p.text); err != nil {
			return err
		}
	}
	f.dice = rand.New(rand.NewSource(f.Seed))
	f.removed = make(chan struct{})
	return nil
}

func (f *fault) fits(rq *request) bool {
	if (f.User == "" && rq.user == "admin") || (f.User != "" && f.User != rq.user) {
		return false
	}
	if (f.Verb != "" && f.Verb != rq.verb) || (f.Count > 0 && f.Hits >= f.Count) {
		return false
	}
	return f.resource.MatchString(rq.resource()) && f.name.MatchString(rq.name) &&
		f.uri.MatchString(rq.http.URL.RequestURI()) &&
		(f.Percent == 0 || f.dice.Float64()*100 < f.Percent)
}

// faults are the rules in order.
type faults struct {
	mu    sync.Mutex
	rules []*fault
}

func (fs *faults) add(rules []*fault) error {
	for _, f := range rules {
		if err := f.compile(); err != nil {
			return err
		}
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.rules = append(fs.rules, rules...)
	return nil
}

// clear removes all rules and drops the requests that hang.
func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.rules {
		close(f.removed)
	}
	fs.rules = nil
}

func (fs *faults) list() []fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	rules := make([]fault, len(fs.rules))
	for i, f := range fs.rules {
		rules[i] = *f
	}
	return rules
}

func (fs *faults) match(rq *request) *fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.rules {
		if f.fits(rq) {
			f.Hits++
			return f
		}
	}
	return nil
}

// answerFaulty answers as the rule wants.
func (v *server) answerFaulty(rq *request, f *fault, w http.ResponseWriter) {
	out := newOutput(w)
	var rs *response
	if f.After {
		rs = v.call(rq)
	}
	switch f.Action {
	case "status":
		rs = f.response()
	case "delay":
		f.wait(rq, time.Duration(f.Delay*float64(time.Second)))
	case "hang", "reset":
		v.counters.count(rq, 0)
		v.audit.record(rq, 0, "Panic", f.Action)
		if f.Action == "hang" {
			f.wait(rq, time.Hour)
		} else {
			resetConnection(rq.http)
		}
		panic(http.ErrAbortHandler)
	case "cut":
		out = cutOutput(w, f.Bytes)
	case "slow":
		out = slowOutput(w, f.Bytes)
	}
	if rs == nil {
		rs = v.call(rq)
	}
	v.send(rq, rs, out, f.Action)
}

func (f *fault) response() *response {
	s := failure(f.Status, "%s", f.Message)
	if f.Message == "" {
		s.Message = fmt.Sprintf("a test wants %d here", f.Status)
	}
	if f.Reason != "" {
		s.Reason = f.Reason
	}
	if f.RetryAfter > 0 {
		s.Details = &details{RetryAfterSeconds: f.RetryAfter}
	}
	rs := refuse(s)
	rs.retryAfter = f.RetryAfter
	return rs
}

// wait ends early when the client goes away or the rule is removed.
func (f *fault) wait(rq *request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.removed:
	case <-rq.http.Context().Done():
	}
}

var errCut = errors.New("the body is cut off here")

// limited passes on so many bytes, then cuts the connection or the stream.
type limited struct {
	http.ResponseWriter
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if len(b) <= l.left {
		l.left -= len(b)
		return l.ResponseWriter.Write(b)
	}
	l.ResponseWriter.Write(b[:l.left])
	http.NewResponseController(l.ResponseWriter).Flush()
	return 0, errCut
}

func cutOutput(w http.ResponseWriter, bytes int) *output {
	return &output{&limited{w, bytes}, http.NewResponseController(w).Flush}
}

// dripping passes on so many bytes a second.
type dripping struct {
	http.ResponseWriter
	rate int
}

func (d *dripping) Write(b []byte) (written int, err error) {
	const steps = 20 // a second
	size := max(d.rate/steps, 1)
	for written < len(b) {
		n, err := d.ResponseWriter.Write(b[written:min(written+size, len(b))])
		written += n
		if err == nil {
			err = http.NewResponseController(d.ResponseWriter).Flush()
		}
		if err != nil {
			return written, err
		}
		time.Sleep(time.Second / steps)
	}
	return written, nil
}

func slowOutput(w http.ResponseWriter, rate int) *output {
	return &output{&dripping{w, rate}, http.NewResponseController(w).Flush}
}
