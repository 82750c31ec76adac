package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// watcher is one open watch.
type watcher struct {
	rq        *request
	selector  *selector
	cursor    uint64
	fromState bool // begins with all there is
	streaming bool // and tells where that ends
	bookmarks bool
	lasts     time.Duration
	orders    chan watchOrder
	stalled   bool
	frame     []byte // the last one that was written
}

// watchOrder is what a test does to open watches: "close", "error" (with a
// Status as an ERROR event, then closed), "stall" (nothing more is sent).
type watchOrder struct {
	Op       string `json:"op"`
	Resource string `json:"resource"`
	Code     int    `json:"code"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

type watchers struct {
	mu   sync.Mutex
	open map[*watcher]bool
}

func (ws *watchers) add(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.open[w] = true
}

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.open, w)
}

func (ws *watchers) count() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.open)
}

// order tells every open watch of the resource ("" is all); it returns how many.
func (ws *watchers) order(order watchOrder) (told int) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.open {
		if order.Resource == "" || order.Resource == w.rq.kind.resource {
			w.orders <- order
			told++
		}
	}
	return told
}

const defaultWatchTime = 30 * time.Minute

func (v *server) watch(rq *request) (*response, error) {
	selector, refused := parseSelector(rq)
	if refused != nil {
		return nil, refused
	}
	if refused := v.checkWatchOptions(rq); refused != nil {
		return nil, refused
	}
	rv, err := parseNumber(rq.query.Get("resourceVersion"))
	if err != nil {
		return nil, fmt.Errorf("resourceVersion: Invalid value: %q: %w", rq.query.Get("resourceVersion"), err)
	}
	initial := rq.query.Get("sendInitialEvents")
	w := &watcher{rq: rq, selector: selector, orders: make(chan watchOrder, 16), lasts: defaultWatchTime,
		bookmarks: isTrue(rq.query.Get("allowWatchBookmarks")),
		streaming: isTrue(initial), fromState: isTrue(initial) || (initial == "" && rv == 0)}
	if seconds, err := parseNumber(rq.query.Get("timeoutSeconds")); err == nil && seconds > 0 {
		w.lasts = time.Duration(seconds) * time.Second
	}
	return &response{code: http.StatusOK, long: true, write: func(out *output) error {
		v.watchers.add(w)
		defer v.watchers.remove(w)
		return v.serveWatch(w, rv, out)
	}}, nil
}

func (v *server) checkWatchOptions(rq *request) *status {
	initial, match := rq.query.Get("sendInitialEvents"), rq.query.Get("resourceVersionMatch")
	switch {
	case initial == "" && match != "":
		return forbiddenOption("resourceVersionMatch",
			"resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
	case initial != "" && !v.settings.streamingList.Load():
		return forbiddenOption("sendInitialEvents",
			"sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
	case initial != "" && match != "NotOlderThan":
		return forbiddenOption("resourceVersionMatch",
			"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
	}
	return nil
}

// serveWatch sends the headers and then what there is, until the watch ends.
func (v *server) serveWatch(w *watcher, rv uint64, out *output) error {
	if err := out.flush(); err != nil {
		return err
	}
	if w.fromState {
		if refused := v.waitFor(rv); refused != nil {
			return w.send(out, "ERROR", refused.encode())
		}
		if err := v.sendState(w, out); err != nil {
			return err
		}
		return v.follow(w, out)
	}
	if rv == 0 {
		rv = v.store.currentRV()
	}
	cursor, oldest, ok := v.store.cursorAfter(w.rq.kind, rv)
	if !ok {
		return w.send(out, "ERROR", failure(http.StatusGone, "too old resource version: %d (%d)", rv, oldest).encode())
	}
	w.cursor = cursor
	return v.follow(w, out)
}

// sendState sends all there is; the watch goes on from that moment. Like a real
// server it flushes only when it has nothing more to send.
func (v *server) sendState(w *watcher, out *output) error {
	objects, rv, cursor := v.store.all(w.rq.kind)
	w.cursor = cursor
	for _, o := range w.selector.filter(objects) {
		if err := w.write(out, "ADDED", w.rq.encode(o)); err != nil {
			return err
		}
	}
	if w.streaming && w.bookmarks {
		return w.send(out, "BOOKMARK", bookmark(w.rq, rv, true))
	}
	return out.flush()
}

// follow sends changes, bookmarks and what a test orders.
func (v *server) follow(w *watcher, out *output) error {
	ends := time.Now().Add(w.lasts)
	end := time.NewTimer(w.lasts)
	defer end.Stop()
	tick := time.NewTimer(v.nextBookmark(ends))
	defer tick.Stop()
	for {
		changes, rv, next, ok := v.store.since(w.rq.kind, w.cursor)
		if !ok {
			return nil // too slow: a real server ends the stream as well
		}
		if err := w.sendChanges(out, changes); err != nil {
			return err
		}
		w.cursor += uint64(len(changes))
		select {
		case <-next:
		case <-tick.C:
			tick.Reset(v.nextBookmark(ends))
			if w.bookmarks && !w.stalled {
				if err := w.send(out, "BOOKMARK", bookmark(w.rq, rv, false)); err != nil {
					return err
				}
			}
		case order := <-w.orders:
			if ended, err := w.obey(out, order); ended {
				return err
			}
		case <-end.C:
			return nil
		case <-w.rq.http.Context().Done():
			return nil
		}
	}
}

// nextBookmark is when the next one is due: in turn, but also once two seconds
// before the watch ends.
func (v *server) nextBookmark(ends time.Time) time.Duration {
	every, last := v.settings.bookmarkEvery(), time.Until(ends)-2*time.Second
	if last > 0 {
		return min(every, last)
	}
	return every
}

// sendChanges shows each change as the selectors see it: an object that comes
// to match is ADDED, one that no longer does is DELETED.
func (w *watcher) sendChanges(out *output, changes []change) error {
	for _, c := range changes {
		was, is := w.selector.matches(c.before), c.event != "DELETED" && w.selector.matches(c.object)
		event := "MODIFIED"
		switch {
		case w.stalled || (!was && !is):
			continue
		case !was:
			event = "ADDED"
		case !is:
			event = "DELETED"
		}
		if err := w.send(out, event, w.rq.encode(c.object)); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) obey(out *output, order watchOrder) (ended bool, err error) {
	switch order.Op {
	case "close":
		return true, nil
	case "error":
		s := failure(order.Code, "%s", order.Message)
		if order.Reason != "" {
			s.Reason = order.Reason
		}
		return true, w.send(out, "ERROR", s.encode())
	case "stall":
		w.stalled = true
	}
	return false, nil
}

func (w *watcher) write(out *output, event string, object []byte) error {
	w.frame = append(w.frame[:0], `{"type":"`+event+`","object":`...)
	w.frame = append(append(w.frame, object...), '}', '\n')
	_, err := out.Write(w.frame)
	return err
}

func (w *watcher) send(out *output, event string, object []byte) error {
	if err := w.write(out, event, object); err != nil {
		return err
	}
	return out.flush()
}

// bookmarkBodies are the empty fields that a typed server encodes beside a
// bookmark's metadata; a Node's bookmark so carries an empty bootID.
var bookmarkBodies = map[*kind]string{
	nodeKind: `,"spec":{},"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"machineID":"",` +
		`"systemUUID":"","bootID":"","kernelVersion":"","osImage":"","containerRuntimeVersion":"","kubeletVersion":"",` +
		`"kubeProxyVersion":"","operatingSystem":"","architecture":""}}`,
	podKind:   `,"spec":{"containers":null},"status":{}`,
	leaseKind: `,"spec":{}`,
}

func bookmark(rq *request, rv uint64, initialEnd bool) []byte {
	meta := map[string]any{"resourceVersion": strconv.FormatUint(rv, 10)}
	if initialEnd {
		meta["annotations"] = map[string]string{"k8s.io/initial-events-end": "true"}
	}
	encoded, err := json.Marshal(meta)
	if err != nil {
		panic("a bookmark does not encode: " + err.Error())
	}
	kind, apiVersion, body := rq.kind.name, rq.kind.apiVersion(), bookmarkBodies[rq.kind]
	if rq.wantsPartial() {
		kind, apiVersion, body = "PartialObjectMetadata", "meta.k8s.io/v1", ""
	}
	return fmt.Appendf(nil, `{"kind":%q,"apiVersion":%q,"metadata":%s%s}`, kind, apiVersion, encoded, body)
}
