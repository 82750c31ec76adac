package main

import (
	"errors"
	"sync"
	"time"
)

// tasks are what goes on in the background, one of each sort at a time.
type tasks struct {
	mu   sync.Mutex
	stop map[string]chan struct{}
}

func newTasks() *tasks { return &tasks{stop: map[string]chan struct{}{}} }

// replace stops the task of that name; the new one is to end when the channel
// closes.
func (t *tasks) replace(name string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if running, ok := t.stop[name]; ok {
		close(running)
	}
	t.stop[name] = make(chan struct{})
	return t.stop[name]
}

// churn updates the status of nodes, one after the other.
type churn struct {
	PerSecond int     `json:"perSecond"`
	Seconds   float64 `json:"seconds"`
}

func (t *tasks) churn(s *store, c churn) error {
	if c.PerSecond < 1 {
		return errors.New("perSecond must be at least 1")
	}
	stop := t.replace("churn")
	go func() {
		started := time.Now()
		nodes, _, _ := s.all(nodeKind)
		for i := 0; time.Since(started) < seconds(c.Seconds) && len(nodes) > 0; i++ {
			s.heartbeat(nodes[i%len(nodes)].name)
			due := started.Add(time.Duration(i+1) * time.Second / time.Duration(c.PerSecond))
			if waitUntil(due, stop) {
				return
			}
		}
	}()
	return nil
}

// heartbeat is a kubelet's status update; a node that is gone has none.
func (s *store) heartbeat(node string) {
	s.update(nodeKind, "", node, false, []string{"status"}, func(obj map[string]any, _ *object) error {
		for _, condition := range list(child(obj, "status"), "conditions") {
			if condition, ok := condition.(map[string]any); ok {
				condition["lastHeartbeatTime"] = time.Now().UTC().Format(time.RFC3339Nano)
			}
		}
		return nil
	})
}

// renewal renews the node Leases, as kubelets do every ten seconds.
type renewal struct {
	Every  float64  `json:"every"` // seconds; 0 stops
	Except []string `json:"except"`
}

const leaseNamespace = "kube-node-lease"

func (t *tasks) renew(s *store, n renewal) {
	stop := t.replace("renew")
	if n.Every <= 0 {
		return
	}
	except := map[string]bool{}
	for _, name := range n.Except {
		except[name] = true
	}
	s.renewLeases(except)
	go func() {
		for !waitUntil(time.Now().Add(seconds(n.Every)), stop) {
			s.renewLeases(except)
		}
	}()
}

func (s *store) renewLeases(except map[string]bool) {
	leases, _, _ := s.all(leaseKind)
	for _, lease := range leases {
		if lease.namespace != leaseNamespace || except[lease.name] {
			continue
		}
		s.update(leaseKind, lease.namespace, lease.name, false, []string{"spec"}, func(obj map[string]any, _ *object) error {
			ensure(obj, "spec")["renewTime"] = nowMicro()
			return nil
		})
	}
}

func waitUntil(due time.Time, stop <-chan struct{}) (stopped bool) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-stop:
		return true
	case <-timer.C:
		return false
	}
}
