// Kills nodes in an API server, in one of two ways, and measures how long it takes until the Nodes
// are gone.
//
//	rounds URL CA-FILE TOKEN
//
// It reads orders from standard input, one JSON object a line, and answers each with a line:
//
//   - {"plans": [...], "window": N} sends the plans' requests over one HTTP/2 connection, as plan.go
//     says;
//   - {"panics": {...}} sends datagrams, as panics.go says, and somebody else does the rest;
//   - {"sync": FILE} writes a page to FILE and waits until it is on disk.
//
// With "until" the time ends when a watch of nodes has shown the DELETED events of all those Nodes:
// both ways are measured by one clock at the same two points.  TOKEN is that watch's.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

type order struct {
	Plans  []*plan  `json:"plans"`
	Window int      `json:"window"` // requests in flight, of all plans together
	Panics *panics  `json:"panics"`
	Sync   string   `json:"sync"`
	Until  []string `json:"until"` // Nodes' names
}

type answer struct {
	Began float64            `json:"began"` // seconds since the epoch
	Sent  float64            `json:"sent"`  // ms until all was sent, and what is of a plan answered
	Gone  map[string]float64 `json:"gone"`  // ms until the Node was gone, of those in "until" that are
	Ms    float64            `json:"ms"`    // the last of them
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: rounds URL CA-FILE TOKEN")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "rounds:", err)
		os.Exit(1)
	}
}

func run(url, authority, token string) error {
	s, err := newServer(url, authority)
	if err != nil {
		return err
	}
	deleted, err := s.watchNodes(token)
	if err != nil {
		return err
	}
	orders := json.NewDecoder(bufio.NewReader(os.Stdin))
	for orders.More() {
		var o order
		if err := orders.Decode(&o); err != nil {
			return err
		}
		a, err := o.obey(s, deleted)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
	return nil
}

func (o *order) obey(s *server, deleted <-chan deletion) (*answer, error) {
	send, err := o.ready(s)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := send(); err != nil {
		return nil, err
	}
	a := &answer{Began: float64(began.UnixNano()) / 1e9, Sent: milliseconds(time.Since(began)),
		Gone: map[string]float64{}}
	gone, err := waitFor(o.Until, deleted)
	if err != nil {
		return nil, err
	}
	for name, at := range gone {
		a.Gone[name] = milliseconds(at.Sub(began))
		a.Ms = max(a.Ms, a.Gone[name])
	}
	return a, nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// ready makes whatever takes time and is not to be measured.
func (o *order) ready(s *server) (func() error, error) {
	if o.Panics != nil {
		return o.Panics.ready()
	}
	if o.Sync != "" {
		return syncing(o.Sync)
	}
	return func() error { return s.carryOut(o.Plans, o.Window) }, nil
}
