package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// admin is what a test drives the server with, beside the API.
type admin struct {
	server  *server
	network *network
	pki     *pki // nil when serving plain http
	tasks   *tasks
}

// routes are all there is; each takes a JSON body and answers with JSON.
func (a *admin) routes() map[string]func(body []byte, r *http.Request) (any, error) {
	return map[string]func([]byte, *http.Request) (any, error){
		"POST /objects":    a.load,     // one object, a list of them, or a List: stored as they are
		"DELETE /objects":  a.drop,     // ?resource=&namespace=&name=: no preconditions, no finalizers
		"POST /generate":   a.generate, // see cluster
		"POST /faults":     a.addFaults,
		"GET /faults":      a.listFaults,
		"DELETE /faults":   a.clearFaults,
		"POST /silent":     a.silent,  // {"on":true}
		"POST /away":       a.away,    // {"on":true}
		"POST /watches":    a.watches, // see watchOrder
		"POST /compact":    a.compact, // older resourceVersions and continue tokens: 410
		"POST /rotate":     a.rotate,  // {"what":"server"} or {"what":"clients"}
		"POST /rights":     a.setRights,
		"POST /settings":   a.set, // {"streamingList":false,"bookmarkEvery":0.5}
		"GET /counters":    a.readCounters,
		"DELETE /counters": a.resetCounters,
		"GET /changes":     a.changes, // ?resource=&since=: what happened after that resourceVersion
		"POST /churn":      a.churn,   // {"perSecond":100,"seconds":5}: status updates over all nodes
		"POST /renew":      a.renew,   // {"every":1,"except":["node-1"]}: node Leases; every 0 stops
	}
}

// listen serves the admin socket in dir.
func (a *admin) listen(dir string) error {
	path := filepath.Join(dir, "admin.sock")
	os.Remove(path) // of a run before
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for pattern, do := range a.routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serveAdmin(w, r, do) })
	}
	go http.Serve(l, mux)
	return nil
}

func serveAdmin(w http.ResponseWriter, r *http.Request, do func([]byte, *http.Request) (any, error)) {
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	var result any
	if err == nil {
		result, err = do(body, r)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		result = map[string]string{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(result)
}

var done = map[string]bool{"ok": true}

func (a *admin) load(body []byte, _ *http.Request) (any, error) {
	value, err := decodeJSON(body)
	if err != nil {
		return nil, err
	}
	objects, ok := value.([]any)
	if one, is := value.(map[string]any); is {
		if objects, ok = one["items"].([]any); !ok {
			objects, ok = []any{one}, true
		}
	}
	if !ok {
		return nil, errors.New("neither an object nor a list")
	}
	for i, o := range objects {
		obj, _ := o.(map[string]any)
		if err := a.server.store.load(obj); err != nil {
			return nil, fmt.Errorf("object %d: %w", i, err)
		}
	}
	return map[string]int{"loaded": len(objects)}, nil
}

func (a *admin) drop(_ []byte, r *http.Request) (any, error) {
	k, err := queryKind(r)
	if err != nil {
		return nil, err
	}
	for {
		o := a.server.store.get(k, r.FormValue("namespace"), r.FormValue("name"))
		if o == nil {
			return nil, errors.New("no such object")
		}
		if _, ok := a.server.store.remove(o, nil); ok {
			return done, nil
		}
	}
}

func queryKind(r *http.Request) (*kind, error) {
	for _, k := range kinds {
		if k.resource == r.FormValue("resource") {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no resource %q", r.FormValue("resource"))
}

func (a *admin) generate(body []byte, _ *http.Request) (any, error) {
	c := defaultCluster()
	if err := json.Unmarshal(body, c); err != nil {
		return nil, err
	}
	return done, c.generate(a.server.store)
}

func (a *admin) addFaults(body []byte, _ *http.Request) (any, error) {
	var rules []*fault
	if err := json.Unmarshal(body, &rules); err != nil {
		return nil, err
	}
	return done, a.server.faults.add(rules)
}

func (a *admin) listFaults([]byte, *http.Request) (any, error) { return a.server.faults.list(), nil }

func (a *admin) clearFaults([]byte, *http.Request) (any, error) {
	a.server.faults.clear()
	return done, nil
}

func (a *admin) silent(body []byte, _ *http.Request) (any, error) {
	on, err := readSwitch(body)
	if err == nil {
		a.network.setSilent(on)
	}
	return done, err
}

func (a *admin) away(body []byte, _ *http.Request) (any, error) {
	on, err := readSwitch(body)
	if err != nil {
		return nil, err
	}
	if on {
		a.network.close()
		return done, nil
	}
	return done, a.network.open()
}

func readSwitch(body []byte) (bool, error) {
	var s struct {
		On bool `json:"on"`
	}
	err := json.Unmarshal(body, &s)
	return s.On, err
}

func (a *admin) watches(body []byte, _ *http.Request) (any, error) {
	var order watchOrder
	if err := json.Unmarshal(body, &order); err != nil {
		return nil, err
	}
	if order.Op != "close" && order.Op != "error" && order.Op != "stall" {
		return nil, fmt.Errorf("no order is called %q", order.Op)
	}
	return map[string]int{"told": a.server.watchers.order(order)}, nil
}

func (a *admin) compact([]byte, *http.Request) (any, error) {
	a.server.store.compact()
	a.server.snapshots.forget()
	return done, nil
}

func (a *admin) rotate(body []byte, _ *http.Request) (any, error) {
	var order struct {
		What string `json:"what"`
	}
	if err := json.Unmarshal(body, &order); err != nil {
		return nil, err
	}
	switch {
	case a.pki == nil:
		return nil, errors.New("there are no certificates with plain http")
	case order.What == "server":
		return done, a.pki.rotateServer()
	case order.What == "clients":
		return done, a.pki.rotateClients(roles)
	}
	return nil, fmt.Errorf("cannot rotate %q", order.What)
}

func (a *admin) setRights(body []byte, _ *http.Request) (any, error) {
	var users map[string][]string
	if err := json.Unmarshal(body, &users); err != nil {
		return nil, err
	}
	a.server.rights.set(users)
	return done, nil
}

func (a *admin) set(body []byte, _ *http.Request) (any, error) {
	var s struct {
		StreamingList *bool    `json:"streamingList"`
		BookmarkEvery *float64 `json:"bookmarkEvery"`
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	if s.StreamingList != nil {
		a.server.settings.streamingList.Store(*s.StreamingList)
	}
	if s.BookmarkEvery != nil && *s.BookmarkEvery > 0 {
		a.server.settings.bookmarks.Store(int64(seconds(*s.BookmarkEvery)))
	}
	return done, nil
}

func (a *admin) readCounters([]byte, *http.Request) (any, error) {
	return a.server.counters.read(a.server.watchers.count()), nil
}

func (a *admin) resetCounters([]byte, *http.Request) (any, error) {
	a.server.counters.reset()
	return done, nil
}

func (a *admin) changes(_ []byte, r *http.Request) (any, error) {
	k, err := queryKind(r)
	if err != nil {
		return nil, err
	}
	since, err := strconv.ParseUint(r.FormValue("since"), 10, 64)
	if err != nil {
		return nil, err
	}
	cursor, oldest, ok := a.server.store.cursorAfter(k, since)
	if !ok {
		return nil, fmt.Errorf("what was before %d is forgotten", oldest)
	}
	changes, rv, _, _ := a.server.store.since(k, cursor)
	type event struct {
		Type   string          `json:"type"`
		Object json.RawMessage `json:"object"`
	}
	events := make([]event, len(changes))
	for i, c := range changes {
		events[i] = event{c.event, c.object.full()}
	}
	return map[string]any{"resourceVersion": rv, "events": events}, nil
}

func (a *admin) churn(body []byte, _ *http.Request) (any, error) {
	var c churn
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, err
	}
	return done, a.tasks.churn(a.server.store, c)
}

func (a *admin) renew(body []byte, _ *http.Request) (any, error) {
	var n renewal
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, err
	}
	a.tasks.renew(a.server.store, n)
	return done, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
