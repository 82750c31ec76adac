package main

import (
	"strings"
	"testing"
)

func event(name, more string) string {
	return `{"metadata":{` + name + `},"eventTime":"2026-01-02T03:04:05.000006Z","reportingController":"lastgasp.invalid/actuator",` +
		`"reportingInstance":"host","action":"Delete","reason":"KernelPanic","type":"Warning",` +
		`"regarding":{"kind":"Node","name":"n1"}` + more + `}`
}

func TestEvents(t *testing.T) {
	whole := event(`"name":"lastgasp.1"`, "")
	for _, c := range []struct {
		name, body string
		code       int
		field      string
	}{
		{"a whole event", whole, 201, ""},
		{"a generated name", event(`"generateName":"lastgasp-"`, ""), 201, ""},
		{"a note of 1024 bytes", event(`"name":"a"`, `,"note":"`+strings.Repeat("n", 1024)+`"`), 201, ""},
		{"a note of 1025 bytes", event(`"name":"a"`, `,"note":"`+strings.Repeat("n", 1025)+`"`), 422, "message"},
		{"no name", event("", ""), 422, "metadata.name"},
		{"a name that is no subdomain", event(`"name":"Last_Gasp"`, ""), 422, "metadata.name"},
		{"no action", strings.Replace(whole, `"action":"Delete",`, "", 1), 422, "action"},
		{"no reason", strings.Replace(whole, `"reason":"KernelPanic",`, "", 1), 422, "reason"},
		{"no eventTime", strings.Replace(whole, `"eventTime":"2026-01-02T03:04:05.000006Z",`, "", 1), 422, "eventTime"},
		{"an eventTime without microseconds", strings.Replace(whole, "05.000006Z", "05Z", 1), 400, ""},
		{"no reportingController", strings.Replace(whole, `"reportingController":"lastgasp.invalid/actuator",`, "", 1), 422, "reportingController"},
		{"no reportingInstance", strings.Replace(whole, `"reportingInstance":"host",`, "", 1), 422, "reportingInstance"},
		{"another type", strings.Replace(whole, "Warning", "Alarm", 1), 422, "type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t)
			a := s.call("POST", events, c.body)
			equal(t, "code", a.code, c.code)
			if c.field != "" {
				causes := child(a.body, "details")["causes"].([]any)
				equal(t, "field", causes[0].(map[string]any)["field"], any(c.field))
				equal(t, "kind", a.text("details", "kind"), "Event")
			}
		})
	}
}

func TestTheSameEventAgainAlreadyExists(t *testing.T) {
	s := newTestServer(t)
	s.expect(s.call("POST", events, event(`"name":"x"`, "")), 201, "")
	a := s.call("POST", events, event(`"name":"x"`, ""))
	s.expect(a, 409, "AlreadyExists")
	equal(t, "message", a.text("message"), `events.events.k8s.io "x" already exists`)
}

func TestEventsOnClusterObjectsBelongIntoDefault(t *testing.T) {
	s := newTestServer(t)
	s.store.loadNamespace("other")
	elsewhere := strings.Replace(events, "default", "other", 1)
	s.expect(s.call("POST", elsewhere, event(`"name":"x"`, "")), 422, "Invalid")
	s.expect(s.call("POST", elsewhere, strings.Replace(event(`"name":"x"`, ""), `"kind":"Node"`, `"kind":"Pod","namespace":"other"`, 1)), 201, "")
}

func TestCreate(t *testing.T) {
	s := newTestServer(t)
	s.expect(s.call("POST", "/api/v1/namespaces/none/pods", `{"metadata":{"name":"p"}}`), 404, "NotFound")
	s.expect(s.call("POST", "/api/v1/pods", `{"metadata":{"name":"p"}}`), 405, "MethodNotAllowed")
	a := s.call("POST", pods+"?dryRun=All", `{"metadata":{"name":"p"}}`)
	s.expect(a, 201, "")
	s.expect(s.call("GET", pods+"/p", ""), 404, "NotFound")
	a = s.call("POST", pods, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"default"}}`)
	s.expect(a, 201, "")
	equal(t, "phase", a.text("status", "phase"), "Pending")
	for _, field := range []string{"uid", "creationTimestamp", "resourceVersion"} {
		equal(t, field+" is given", a.text("metadata", field) != "", true)
	}
	s.expect(s.call("POST", pods, `{"kind":"Node","metadata":{"name":"p"}}`), 400, "BadRequest")
}

// The ledger of a controller is a Lease that is read, changed and put back.
func TestUpdateOfALease(t *testing.T) {
	s := newTestServer(t)
	s.expect(s.call("POST", leases, `{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-02T03:04:05Z"}}`), 400, "BadRequest")
	a := s.call("POST", leases, `{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-02T03:04:05.000000Z"}}`)
	s.expect(a, 201, "")
	first := encode(t, a.body)
	s.expect(s.call("PUT", leases+"/l", strings.Replace(first, "03:04:05", "03:04:06", 1)), 200, "")
	s.expect(s.call("PUT", leases+"/l", strings.Replace(first, "03:04:05", "03:04:07", 1)), 409, "Conflict")
	s.expect(s.call("PUT", leases+"/l", `{"metadata":{"name":"l"}}`), 422, "Invalid")
	s.expect(s.call("PUT", leases+"/new", `{"metadata":{"name":"new"}}`), 201, "")
	s.expect(s.call("PUT", leases+"/l", strings.Replace(first, a.text("metadata", "uid"), "other", 1)), 409, "Conflict")
	equal(t, "stored", s.call("GET", leases+"/l", "").text("spec", "renewTime"), "2026-01-02T03:04:06.000000Z")
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newTestServer(t)
	s.loadNode("n1")
	s.expect(s.call("GET", "/api/v1/secrets", ""), 404, "NotFound")
	s.expect(s.call("GET", nodes+"/n1/proxy", ""), 404, "NotFound")
	s.expect(s.call("DELETE", nodes, ""), 405, "MethodNotAllowed")
	s.expect(s.call("DELETE", "/api/v1/namespaces/default", ""), 405, "MethodNotAllowed")
	s.expect(s.call("GET", "/api/v1/namespaces/default", ""), 200, "")
}

func TestWritersDoNotOverwriteEachOther(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	done := make(chan bool)
	for _, key := range []string{"a", "b", "c", "d"} {
		go func() {
			for i := range 50 {
				s.store.update(podKind, "default", "p", false, nil, func(obj map[string]any, _ *object) error {
					ensure(child(obj, "metadata"), "annotations")[key] = strings.Repeat("x", i)
					return nil
				})
			}
			done <- true
		}()
	}
	for range 4 {
		<-done
	}
	a := s.call("GET", pods+"/p", "")
	for _, key := range []string{"a", "b", "c", "d"} {
		equal(t, key, len(a.text("metadata", "annotations", key)), 49)
	}
}
