package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testServer is a server with the users admin and actuator, called in process.
type testServer struct {
	*server
	t *testing.T
}

func newTestServer(t *testing.T) *testServer {
	v := newServer(1000, time.Minute)
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("a,admin\nb,actuator\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.auth = &authenticator{path: path}
	return &testServer{v, t}
}

type answered struct {
	code int
	body map[string]any
	http http.Header
}

func (a answered) text(path ...string) string {
	m := a.body
	for _, name := range path[:len(path)-1] {
		m = child(m, name)
	}
	value := m[path[len(path)-1]]
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

const (
	pods   = "/api/v1/namespaces/default/pods"
	nodes  = "/api/v1/nodes"
	events = "/apis/events.k8s.io/v1/namespaces/default/events"
	leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
)

func (s *testServer) as(token, method, path, media, body string) answered {
	s.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := answered{code: w.Code, http: w.Result().Header}
	if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
		s.t.Fatalf("%s %s: answer %q: %v", method, path, w.Body, err)
	}
	return a
}

func (s *testServer) call(method, path, body string) answered {
	s.t.Helper()
	media := "application/json"
	if method == http.MethodPatch {
		media = strategicPatch
	}
	return s.as("a", method, path, media, body)
}

func (s *testServer) load(text string) {
	s.t.Helper()
	obj, err := decodeMap([]byte(text))
	if err == nil {
		err = s.store.load(obj)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *testServer) loadNode(name string) {
	s.t.Helper()
	s.load(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"` + name + `","uid":"uid-` + name + `"},` +
		`"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]},` +
		`"status":{"conditions":[{"type":"Ready","status":"True"}]}}`)
}

// loadPod makes a pod on node n1; meta is more metadata, as `,"finalizers":["a/b"]`.
func (s *testServer) loadPod(name, meta string) {
	s.t.Helper()
	s.load(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","uid":"uid-` + name + `"` + meta + `},` +
		`"spec":{"nodeName":"n1"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`)
}

func (s *testServer) expect(a answered, code int, reason string) {
	s.t.Helper()
	if a.code != code || (code >= 400 && a.text("reason") != reason) {
		s.t.Fatalf("got %d %s: %s, want %d %s", a.code, a.text("reason"), a.text("message"), code, reason)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
