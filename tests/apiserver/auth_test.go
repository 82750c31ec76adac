package main

import (
	"os"
	"testing"
	"time"
)

func TestTokensAreReadAgain(t *testing.T) {
	s := newTestServer(t)
	s.expect(s.as("c", "GET", nodes, "", ""), 401, "Unauthorized")
	s.expect(s.as("b", "GET", nodes, "", ""), 200, "")
	if err := os.WriteFile(s.auth.path, []byte("c,actuator\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(s.auth.path, time.Now(), time.Now().Add(time.Second))
	s.expect(s.as("c", "GET", nodes, "", ""), 200, "")
	s.expect(s.as("b", "GET", nodes, "", ""), 401, "Unauthorized")
}

func TestRights(t *testing.T) {
	s := newTestServer(t)
	s.loadNode("n1")
	s.loadPod("p", "")
	s.rights.set(map[string][]string{"actuator": {"get nodes", "patch pods/status", "get leases kube-node-lease"}})
	for _, c := range []struct{ method, path, message string }{
		{"GET", nodes + "/n1", ""},
		{"DELETE", nodes + "/n1", `nodes "n1" is forbidden: User "actuator" cannot delete resource "nodes" in API group "" at the cluster scope`},
		{"GET", nodes, `nodes is forbidden: User "actuator" cannot list resource "nodes" in API group "" at the cluster scope`},
		{"PATCH", pods + "/p/status", ""},
		{"PATCH", pods + "/p", `pods "p" is forbidden: User "actuator" cannot patch resource "pods" in API group "" in the namespace "default"`},
		{"GET", leases + "/l", `leases.coordination.k8s.io "l" is forbidden: User "actuator" cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "default"`},
	} {
		a := s.as("b", c.method, c.path, strategicPatch, "{}")
		equal(t, c.method+" "+c.path, a.text("message"), c.message)
		equal(t, "forbidden", a.code == 403 && a.text("reason") == "Forbidden", c.message != "")
	}
	s.expect(s.as("b", "GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/x", "", ""), 404, "NotFound")
	s.expect(s.as("a", "DELETE", nodes+"/n1", "", ""), 200, "")
}
