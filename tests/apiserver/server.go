package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// server answers the Kubernetes API. A request passes, in this order: path,
// authentication, authorization, faults, the call itself, audit log, the wire.
type server struct {
	store     *store
	watchers  *watchers
	snapshots *snapshots
	auth      *authenticator
	rights    *rights
	faults    *faults
	audit     *audit
	counters  *counters
	settings  *settings
}

// settings can be changed while the server runs.
type settings struct {
	streamingList atomic.Bool
	bookmarks     atomic.Int64 // a time.Duration
}

func (s *settings) bookmarkEvery() time.Duration { return time.Duration(s.bookmarks.Load()) }

func newServer(historyLimit int, bookmarkEvery time.Duration) *server {
	v := &server{store: newStore(historyLimit), watchers: &watchers{open: map[*watcher]bool{}},
		snapshots: &snapshots{kept: map[uint64]snapshot{}}, rights: &rights{}, faults: &faults{},
		audit: &audit{}, counters: newCounters(), settings: &settings{}}
	v.settings.streamingList.Store(true)
	v.settings.bookmarks.Store(int64(bookmarkEvery))
	for _, name := range []string{"default", "kube-system", "kube-public", leaseNamespace} {
		v.store.loadNamespace(name)
	}
	return v
}

const maxBody = 3 << 20

type handler func(v *server, rq *request) (*response, error)

var handlers = map[string]handler{
	"get":    (*server).get,
	"list":   (*server).list,
	"watch":  (*server).watch,
	"create": (*server).create,
	"update": (*server).replace,
	"patch":  (*server).patch,
	"delete": (*server).delete,
}

// plainPaths need no user and take part in no fault.
var plainPaths = map[string]struct{ media, body string }{
	"/version": {"application/json", `{"major":"1","minor":"36","gitVersion":"v1.36.3","platform":"linux/amd64"}`},
	"/livez":   {"text/plain", "ok"},
	"/readyz":  {"text/plain", "ok"},
}

func (v *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if page, ok := plainPaths[r.URL.Path]; ok {
		w.Header().Set("Content-Type", page.media)
		io.WriteString(w, page.body)
		return
	}
	rq := &request{http: r, query: r.URL.Query(), received: time.Now(), auditID: newUID()}
	v.counters.begin()
	defer v.counters.end()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Audit-Id", rq.auditID)

	if refused := v.admit(rq); refused != nil {
		v.send(rq, refuse(refused), newOutput(w), "")
	} else if rule := v.faults.match(rq); rule != nil {
		v.answerFaulty(rq, rule, w)
	} else {
		v.send(rq, v.call(rq), newOutput(w), "")
	}
}

// admit fills in the request, or says why it may not be made.
func (v *server) admit(rq *request) *status {
	served := rq.parsePath(rq.http.URL.Path)
	allowed := rq.parseVerb()
	body, err := io.ReadAll(io.LimitReader(rq.http.Body, maxBody+1))
	rq.body = body
	if err != nil {
		return badRequest("reading the body: %v", err)
	}
	if len(body) > maxBody {
		return failure(http.StatusRequestEntityTooLarge, "Request entity too large: limit is %d", maxBody)
	}
	if rq.user = v.auth.user(rq.http); rq.user == "" {
		return failure(http.StatusUnauthorized, "Unauthorized")
	}
	if !served {
		return failure(http.StatusNotFound, "the server could not find the requested resource")
	}
	if !allowed {
		return failure(http.StatusMethodNotAllowed, "the server does not allow this method on the requested resource")
	}
	return v.rights.check(rq)
}

func (v *server) call(rq *request) *response {
	rs, err := handlers[rq.verb](v, rq)
	if err != nil {
		return refuse(asStatus(err))
	}
	return rs
}

func (v *server) get(rq *request) (*response, error) {
	o := v.store.get(rq.kind, rq.namespace, rq.name)
	if o == nil {
		return nil, notFound(rq.kind, rq.name)
	}
	return answer(http.StatusOK, rq.encode(o)), nil
}

func newOutput(w http.ResponseWriter) *output {
	return &output{w, http.NewResponseController(w).Flush}
}

// send writes the audit line first, so that a client that has its answer finds
// the line; a watch has one line when it starts and one when it ends.
func (v *server) send(rq *request, rs *response, out *output, fault string) {
	stage := "ResponseComplete"
	if rs.long {
		stage = "ResponseStarted"
	}
	v.counters.count(rq, rs.code)
	v.audit.record(rq, rs.code, stage, fault)
	if rs.retryAfter > 0 {
		out.Header().Set("Retry-After", strconv.Itoa(rs.retryAfter))
	}
	out.WriteHeader(rs.code)
	var err error
	if rs.write != nil {
		err = rs.write(out)
	} else {
		_, err = io.Copy(out, bytes.NewReader(rs.body))
	}
	if rs.long {
		v.audit.record(rq, rs.code, "ResponseComplete", fault)
	}
	if errors.Is(err, errCut) {
		panic(http.ErrAbortHandler)
	}
}
