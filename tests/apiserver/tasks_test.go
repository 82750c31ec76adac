package main

import (
	"fmt"
	"testing"
	"time"
)

func loadLease(s *testServer, name string) {
	s.t.Helper()
	s.load(`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"` + name +
		`","namespace":"kube-node-lease","uid":"uid-` + name + `"},"spec":{"leaseDurationSeconds":40}}`)
}

func renewTime(s *testServer, name string) string {
	s.t.Helper()
	return s.call("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+name, "").
		text("spec", "renewTime")
}

// renewals counts how often each node is due, in steps of that length.
func renewals(names []string, every, step, total time.Duration) map[string]int {
	counts := map[string]int{}
	began := time.Unix(1700000000, 123456789)
	for at := time.Duration(0); at < total; at += step {
		for _, name := range names {
			if isDue(name, every, began.Add(at), began.Add(at+step)) {
				counts[name]++
			}
		}
	}
	return counts
}

func nodeNames(count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("node-%d", i)
	}
	return names
}

func TestEachNodeRenewsOnceAPeriod(t *testing.T) {
	for name, count := range renewals(nodeNames(20), 10*time.Second, 70*time.Millisecond, 70*time.Second) {
		equal(t, name, count, 7)
	}
}

func TestNodesDoNotRenewAllAtOnce(t *testing.T) {
	tenths := map[int]bool{}
	for _, name := range nodeNames(20) {
		p := phase(name, 10*time.Second)
		if p < 0 || p >= 10*time.Second {
			t.Fatalf("%s: %v is not within the period", name, p)
		}
		equal(t, name+" again", phase(name, 10*time.Second), p)
		tenths[int(p/time.Second)] = true
	}
	if len(tenths) < 7 {
		t.Fatalf("20 nodes renew in %d tenths of the period only", len(tenths))
	}
}

func TestLeasesOfTheLivingAreRenewed(t *testing.T) {
	s := newTestServer(t)
	loadLease(s, "n1")
	loadLease(s, "n2")
	every := 10 * time.Second
	before := time.Unix(1700000000, 0).Truncate(every).Add(phase("n1", every))
	s.store.renewLeases(nil, every, before, before.Add(time.Millisecond))
	equal(t, "n1 when it is not due", renewTime(s, "n1"), "")
	s.store.renewLeases(map[string]bool{"n2": true}, every, before, before.Add(every))
	equal(t, "n2, which is dead", renewTime(s, "n2"), "")
	if renewTime(s, "n1") == "" {
		t.Fatal("n1 was due and is not renewed")
	}
}

func TestATaskThatTakesAnothersPlaceMissesNoRenewal(t *testing.T) {
	s := newTestServer(t)
	loadLease(s, "n1")
	tasks := newTasks()
	defer tasks.renew(s.store, renewal{})
	seen := map[string]bool{}
	for began := time.Now(); time.Since(began) < 500*time.Millisecond; time.Sleep(time.Millisecond) {
		tasks.renew(s.store, renewal{Every: 0.1}) // mostly before the one before did anything
		seen[renewTime(s, "n1")] = true
	}
	if len(seen) < 4 {
		t.Fatalf("%d renewals in five periods", len(seen))
	}
}
