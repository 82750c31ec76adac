package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// stream is an open watch.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (s *testServer) watch(path string) *stream {
	s.t.Helper()
	api := httptest.NewServer(s.server)
	r, _ := http.NewRequest("GET", api.URL+path, nil)
	r.Header.Set("Authorization", "Bearer a")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		answer.Body.Close()
		api.Close()
	})
	equal(s.t, "code", answer.StatusCode, http.StatusOK)
	return &stream{s.t, bufio.NewScanner(answer.Body)}
}

// next is "TYPE name", of a bookmark "BOOKMARK" or "BOOKMARK end", of an error
// "ERROR code reason", and "" at the end of the stream.
func (w *stream) next() string {
	w.t.Helper()
	if !w.lines.Scan() {
		return ""
	}
	var e struct {
		Type   string
		Object struct {
			Kind     string
			Code     int
			Reason   string
			Metadata struct {
				Name            string
				ResourceVersion string
				Annotations     map[string]string
			}
		}
	}
	if err := json.Unmarshal(w.lines.Bytes(), &e); err != nil {
		w.t.Fatalf("%q: %v", w.lines.Text(), err)
	}
	switch {
	case e.Type == "ERROR":
		return fmt.Sprintf("ERROR %d %s", e.Object.Code, e.Object.Reason)
	case e.Object.Metadata.ResourceVersion == "" || e.Object.Kind == "":
		w.t.Fatalf("%q has no resourceVersion or kind", w.lines.Text())
	case e.Object.Metadata.Annotations["k8s.io/initial-events-end"] == "true":
		return e.Type + " end"
	case e.Type == "BOOKMARK":
		return e.Type
	}
	return e.Type + " " + e.Object.Metadata.Name
}

func (w *stream) expect(want ...string) {
	w.t.Helper()
	for _, event := range want {
		equal(w.t, "event", w.next(), event)
	}
}

const streaming = "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion="

func TestAStreamingListEndsWithABookmarkAndGoesOn(t *testing.T) {
	s := newTestServer(t)
	s.loadNodes(2)
	w := s.watch(nodes + streaming)
	w.expect("ADDED n0", "ADDED n1", "BOOKMARK end")
	s.loadNode("n2")
	s.call("PATCH", nodes+"/n0", `{"spec":{"unschedulable":true}}`)
	s.call("DELETE", nodes+"/n1", "")
	w.expect("ADDED n2", "MODIFIED n0", "DELETED n1")
}

func TestAStreamingListOfNothingIsABookmark(t *testing.T) {
	s := newTestServer(t)
	s.watch(nodes + streaming).expect("BOOKMARK end")
}

func TestAnOldServerRefusesAStreamingList(t *testing.T) {
	s := newTestServer(t)
	s.settings.streamingList.Store(false)
	a := s.call("GET", nodes+streaming, "")
	s.expect(a, 422, "Invalid")
	equal(t, "message", a.text("message"), `ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: `+
		"sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
}

func TestAWatchGoesOnFromAResourceVersion(t *testing.T) {
	s := newTestServer(t)
	s.loadNodes(1)
	rv := s.store.currentRV()
	s.loadNode("n1")
	w := s.watch(fmt.Sprintf("%s?watch=true&timeoutSeconds=1&resourceVersion=%d", nodes, rv))
	w.expect("ADDED n1", "")
}

func TestAWatchFromTooFarBackIsTold410(t *testing.T) {
	s := newTestServer(t)
	s.loadNodes(2)
	s.store.compact()
	s.watch(nodes+"?watch=1&resourceVersion=2").expect("ERROR 410 Expired", "")
	w := s.watch(fmt.Sprintf("%s?watch=1&resourceVersion=%d", nodes, s.store.currentRV()))
	s.loadNode("n2")
	w.expect("ADDED n2")
}

func TestTheHistoryIsBounded(t *testing.T) {
	h := newHistory(10)
	for rv := range uint64(100) {
		h.add(change{"ADDED", &object{rv: rv + 1}, nil})
	}
	if len(h.changes) > 20 || len(h.changes) < 10 {
		t.Fatalf("%d changes are kept", len(h.changes))
	}
	cursor := h.after(95)
	changes, ok := h.from(cursor)
	equal(t, "reaches", ok, true)
	equal(t, "changes after 95", len(changes), 5)
	equal(t, "first", changes[0].object.rv, 96)
	_, ok = h.from(0)
	equal(t, "reaches the start", ok, false)
}

func TestAWatchSeesObjectsComeAndGoBySelector(t *testing.T) {
	s := newTestServer(t)
	w := s.watch("/api/v1/pods?watch=1&labelSelector=app%3Dweb&resourceVersion=" + fmt.Sprint(s.store.currentRV()))
	s.loadPod("p", "")
	s.call("PATCH", pods+"/p", `{"metadata":{"labels":{"app":"web"}}}`)
	s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Failed"}}`)
	s.call("PATCH", pods+"/p", `{"metadata":{"labels":{"app":"db"}}}`)
	w.expect("ADDED p", "MODIFIED p", "DELETED p")
}

func TestADeletedObjectsLastStateHasItsOwnResourceVersion(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	rv := s.store.currentRV()
	s.call("DELETE", pods+"/p", `{"gracePeriodSeconds":0}`)
	cursor, _, _ := s.store.cursorAfter(podKind, rv)
	changes, _, _, _ := s.store.since(podKind, cursor)
	equal(t, "changes", len(changes), 2)
	equal(t, "first", changes[0].event, "MODIFIED")
	equal(t, "last", changes[1].event, "DELETED")
	meta := decode(t, string(changes[1].object.metadata()))
	equal(t, "resourceVersion", text(meta, "resourceVersion"), fmt.Sprint(rv+2))
}

func TestBookmarksAndOrders(t *testing.T) {
	s := newTestServer(t)
	s.settings.bookmarks.Store(int64(20 * time.Millisecond))
	s.loadNodes(1)
	w := s.watch(nodes + "?watch=1&allowWatchBookmarks=true")
	w.expect("ADDED n0", "BOOKMARK", "BOOKMARK")
	equal(t, "told", s.watchers.order(watchOrder{Op: "error", Code: 429}), 1)
	for event := w.next(); event != "ERROR 429 TooManyRequests"; event = w.next() {
		equal(t, "event", event, "BOOKMARK")
	}
	w.expect("")

	w = s.watch(nodes + "?watch=1&resourceVersion=" + fmt.Sprint(s.store.currentRV()))
	for s.watchers.order(watchOrder{Op: "close", Resource: "nodes"}) == 0 {
		time.Sleep(time.Millisecond)
	}
	w.expect("")
}

func TestAStalledWatchSendsNothingMore(t *testing.T) {
	s := newTestServer(t)
	w := s.watch(nodes + "?watch=1&timeoutSeconds=1&resourceVersion=" + fmt.Sprint(s.store.currentRV()))
	for s.watchers.order(watchOrder{Op: "stall"}) == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	s.loadNode("n1")
	w.expect("")
}
