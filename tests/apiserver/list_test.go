package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func (s *testServer) loadNodes(n int) {
	for i := range n {
		s.loadNode(fmt.Sprintf("n%d", i))
	}
}

func names(a answered) string {
	var names []string
	for _, item := range list(a.body, "items") {
		names = append(names, text(child(item.(map[string]any), "metadata"), "name"))
	}
	return strings.Join(names, " ")
}

func TestPagesShowOneMoment(t *testing.T) {
	s := newTestServer(t)
	s.loadNodes(5)
	first := s.call("GET", nodes+"?limit=2", "")
	equal(t, "names", names(first), "n0 n1")
	equal(t, "remaining", first.text("metadata", "remainingItemCount"), "3")
	s.call("DELETE", nodes+"/n2", "")
	s.loadNode("n9")
	second := s.call("GET", nodes+"?limit=2&continue="+first.text("metadata", "continue"), "")
	equal(t, "names", names(second), "n2 n3")
	equal(t, "resourceVersion", second.text("metadata", "resourceVersion"), first.text("metadata", "resourceVersion"))
	third := s.call("GET", nodes+"?limit=2&continue="+second.text("metadata", "continue"), "")
	equal(t, "names", names(third), "n4")
	equal(t, "continue", third.text("metadata", "continue"), "")
	equal(t, "remaining", third.text("metadata", "remainingItemCount"), "")
}

func TestAContinueTokenExpires(t *testing.T) {
	s := newTestServer(t)
	s.loadNodes(3)
	token := s.call("GET", nodes+"?limit=1", "").text("metadata", "continue")
	s.snapshots.forget()
	s.expect(s.call("GET", nodes+"?limit=1&continue="+token, ""), 410, "Expired")
	s.expect(s.call("GET", nodes+"?limit=1&continue=rubbish", ""), 400, "BadRequest")
}

func TestSelectors(t *testing.T) {
	s := newTestServer(t)
	s.load(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"app":"web","tier":"x"}},"spec":{"nodeName":"n1"}}`)
	s.load(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b","labels":{"app":"db"}},"spec":{"nodeName":"n1"}}`)
	s.load(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c","namespace":"other"},"spec":{"nodeName":"n2"}}`)
	for _, c := range []struct{ path, field, label, want string }{
		{"/api/v1/pods", "", "", "a b c"},
		{pods, "", "", "a b"},
		{"/api/v1/pods", "spec.nodeName=n1", "", "a b"},
		{"/api/v1/pods", "spec.nodeName=n3", "", ""},
		{"/api/v1/pods", "spec.nodeName!=n1", "", "c"},
		{"/api/v1/pods", "spec.nodeName=n1,metadata.name=b", "", "b"},
		{"/api/v1/pods", "metadata.name=c", "", "c"},
		{"/api/v1/pods", "", "app=web", "a"},
		{"/api/v1/pods", "", "app==web,tier=x", "a"},
		{"/api/v1/pods", "", "app!=web", "b c"},
		{"/api/v1/pods", "", "app", "a b"},
		{"/api/v1/pods", "", "!app", "c"},
		{"/api/v1/namespaces/other/pods", "spec.nodeName=n1", "", ""},
	} {
		query := url.Values{"fieldSelector": {c.field}, "labelSelector": {c.label}}
		a := s.call("GET", c.path+"?"+query.Encode(), "")
		equal(t, c.path+" "+c.field+" "+c.label, names(a), c.want)
	}
	a := s.call("GET", "/api/v1/pods?limit=1&labelSelector=app", "")
	equal(t, "remaining with a selector", a.text("metadata", "remainingItemCount"), "")
	s.expect(s.call("GET", nodes+"?fieldSelector=status.volumesAttached%3Dx", ""), 400, "BadRequest")
	s.expect(s.call("GET", nodes+"?labelSelector=a+in+(b)", ""), 400, "BadRequest")
}

func TestThePodIndexFollowsWrites(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	s.loadPod("q", "")
	s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Failed"}}`)
	s.call("DELETE", pods+"/q", `{"gracePeriodSeconds":0}`)
	a := s.call("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", "")
	equal(t, "names", names(a), "p")
	equal(t, "phase", text(child(list(a.body, "items")[0].(map[string]any), "status"), "phase"), "Failed")
}

func TestItemsOfAListHaveNoKindAndPartialOnesOnlyMetadata(t *testing.T) {
	s := newTestServer(t)
	s.loadNode("n1")
	a := s.call("GET", nodes, "")
	equal(t, "kind", a.text("kind"), "NodeList")
	item := list(a.body, "items")[0].(map[string]any)
	equal(t, "item's kind", text(item, "kind"), "")
	equal(t, "item has a status", item["status"] != nil, true)

	r := httptest.NewRequest("GET", nodes, nil)
	r.Header.Set("Authorization", "Bearer a")
	r.Header.Set("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a.body = decode(t, w.Body.String())
	equal(t, "kind", a.text("kind"), "PartialObjectMetadataList")
	item = list(a.body, "items")[0].(map[string]any)
	equal(t, "item's kind", text(item, "kind"), "PartialObjectMetadata")
	equal(t, "item's name", text(child(item, "metadata"), "name"), "n1")
	equal(t, "item has a status", item["status"] != nil, false)
}

func TestResourceVersionsOfLists(t *testing.T) {
	s := newTestServer(t)
	s.loadNodes(3)
	rv := s.store.currentRV()
	for _, c := range []struct {
		query string
		code  int
	}{
		{"resourceVersion=0", http.StatusOK},
		{fmt.Sprintf("resourceVersion=%d&resourceVersionMatch=NotOlderThan", rv), http.StatusOK},
		{fmt.Sprintf("resourceVersion=%d&resourceVersionMatch=Exact", rv), http.StatusOK},
		{"resourceVersion=1&resourceVersionMatch=Exact", http.StatusGone},
		{"resourceVersionMatch=NotOlderThan", http.StatusUnprocessableEntity},
		{"resourceVersion=1&resourceVersionMatch=Newest", http.StatusUnprocessableEntity},
		{"resourceVersion=x", http.StatusBadRequest},
		{"limit=x", http.StatusBadRequest},
		{"sendInitialEvents=true", http.StatusUnprocessableEntity},
	} {
		equal(t, c.query, s.call("GET", nodes+"?"+c.query, "").code, c.code)
	}
	a := s.call("GET", nodes+"?resourceVersion=0&limit=1", "")
	equal(t, "a list from the cache comes whole", names(a), "n0 n1 n2")
	a = s.call("GET", fmt.Sprintf("%s?resourceVersion=%d", nodes, rv+5), "")
	s.expect(a, http.StatusGatewayTimeout, "Timeout")
}
