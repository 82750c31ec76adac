package main

import (
	"strings"
	"testing"
)

func TestDeletePreconditions(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	s.loadNode("n1")
	a := s.call("DELETE", pods+"/p", `{"preconditions":{"uid":"other"}}`)
	s.expect(a, 409, "Conflict")
	if !strings.Contains(a.text("message"), "The object might have been deleted and then recreated") {
		t.Fatal(a.text("message"))
	}
	s.expect(s.call("DELETE", nodes+"/n1", `{"preconditions":{"uid":"uid-n1","resourceVersion":"1"}}`), 409, "Conflict")
	rv := s.call("GET", nodes+"/n1", "").text("metadata", "resourceVersion")
	a = s.call("DELETE", nodes+"/n1", `{"preconditions":{"uid":"uid-n1","resourceVersion":"`+rv+`"}}`)
	s.expect(a, 200, "")
	equal(t, "a Node's DELETE answers", a.text("kind"), "Status")
	equal(t, "uid", a.text("details", "uid"), "uid-n1")
	s.expect(s.call("DELETE", nodes+"/n1", ""), 404, "NotFound")
}

func TestGraceOfPods(t *testing.T) {
	for _, c := range []struct {
		name, path, body, phase string
		stays                   bool
	}{
		{"grace 0 removes at once", pods + "/p", `{"gracePeriodSeconds":0}`, "Running", false},
		{"grace 0 by the query", pods + "/p?gracePeriodSeconds=0", "", "Running", false},
		{"the query is nothing beside a body", pods + "/p?gracePeriodSeconds=0", `{}`, "Running", true},
		{"no grace given is the pod's own", pods + "/p", "", "Running", true},
		{"a terminal pod has no grace", pods + "/p", "", "Failed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t)
			s.loadPod("p", "")
			s.call("PATCH", pods+"/p/status", `{"status":{"phase":"`+c.phase+`"}}`)
			a := s.call("DELETE", c.path, c.body)
			s.expect(a, 200, "")
			equal(t, "a pod's DELETE answers", a.text("kind"), "Pod")
			after := s.call("GET", pods+"/p", "")
			equal(t, "stays", after.code == 200, c.stays)
			equal(t, "marked", after.text("metadata", "deletionTimestamp") != "", c.stays)
		})
	}
}

func TestAGraceCanOnlyBeShortened(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	s.call("DELETE", pods+"/p", `{"gracePeriodSeconds":10}`)
	s.call("DELETE", pods+"/p", `{"gracePeriodSeconds":60}`)
	equal(t, "grace", s.call("GET", pods+"/p", "").text("metadata", "deletionGracePeriodSeconds"), "10")
	s.call("DELETE", pods+"/p", `{"gracePeriodSeconds":0}`)
	s.expect(s.call("GET", pods+"/p", ""), 404, "NotFound")
}

func TestAPodWithAFinalizerStaysUntilItIsPatchedAway(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", `,"finalizers":["batch.kubernetes.io/job-tracking"]`)
	a := s.call("DELETE", pods+"/p", `{"gracePeriodSeconds":0}`)
	s.expect(a, 200, "")
	equal(t, "kind", a.text("kind"), "Pod")
	s.expect(s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Failed"}}`), 200, "")
	s.expect(s.call("DELETE", pods+"/p", `{"gracePeriodSeconds":0}`), 200, "")
	s.expect(s.call("GET", pods+"/p", ""), 200, "")
	s.expect(s.call("PATCH", pods+"/p", `{"metadata":{"finalizers":null}}`), 200, "")
	s.expect(s.call("GET", pods+"/p", ""), 404, "NotFound")
}

func TestANodeWithAFinalizerStays(t *testing.T) {
	s := newTestServer(t)
	s.load(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","finalizers":["karpenter.sh/termination"]}}`)
	a := s.call("DELETE", nodes+"/n", "")
	s.expect(a, 200, "")
	equal(t, "marked", s.call("GET", nodes+"/n", "").text("metadata", "deletionTimestamp") != "", true)
	s.call("PATCH", nodes+"/n", `{"metadata":{"$deleteFromPrimitiveList/finalizers":["karpenter.sh/termination"]}}`)
	s.expect(s.call("GET", nodes+"/n", ""), 404, "NotFound")
}

func TestDryRunOfADelete(t *testing.T) {
	for _, c := range []struct {
		name, path, body string
		stays            bool
	}{
		{"in the body it is honoured", "?gracePeriodSeconds=0", `{"gracePeriodSeconds":0,"dryRun":["All"]}`, true},
		{"in the query beside a body it is ignored", "?dryRun=All", `{"gracePeriodSeconds":0}`, false},
		{"in the query without a body it is honoured", "?dryRun=All&gracePeriodSeconds=0", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t)
			s.loadPod("p", "")
			before := s.store.currentRV()
			s.expect(s.call("DELETE", pods+"/p"+c.path, c.body), 200, "")
			equal(t, "stays", s.call("GET", pods+"/p", "").code == 200, c.stays)
			equal(t, "unchanged", s.store.currentRV() == before, c.stays)
		})
	}
	s := newTestServer(t)
	s.loadNode("n1")
	s.expect(s.call("DELETE", nodes+"/n1", `{"dryRun":["All"],"preconditions":{"uid":"x"}}`), 409, "Conflict")
	s.expect(s.call("DELETE", nodes+"/n1", `{"dryRun":["All"]}`), 200, "")
	s.expect(s.call("GET", nodes+"/n1", ""), 200, "")
}
