package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"
)

// tasks are what goes on in the background, one of each sort at a time.
type tasks struct {
	mu      sync.Mutex
	stop    map[string]chan struct{}
	renewed time.Time // who was due until then has renewed; zero while nobody does
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

// renewal renews the node Leases, as kubelets do every ten seconds: each at a
// moment of its own within that time, which is the same in every run.
type renewal struct {
	Every  float64  `json:"every"` // seconds; 0 stops
	Except []string `json:"except"`
}

const leaseNamespace = "kube-node-lease"

// renewalSteps are in a period: so exactly each node's moment is kept.
const renewalSteps = 50

func (t *tasks) renew(s *store, n renewal) {
	stop := t.replace("renew")
	if n.Every <= 0 {
		t.mu.Lock()
		t.renewed = time.Time{}
		t.mu.Unlock()
		return
	}
	except := map[string]bool{}
	for _, name := range n.Except {
		except[name] = true
	}
	every := seconds(n.Every)
	t.renewDue(s, except, every, stop)
	go func() {
		for !waitUntil(time.Now().Add(every/renewalSteps), stop) {
			t.renewDue(s, except, every, stop)
		}
	}()
}

// renewDue leaves it to the task that took this one's place, if one did: none
// is renewed that died meanwhile, and none missed.
func (t *tasks) renewDue(s *store, except map[string]bool, every time.Duration, stop <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-stop:
	default:
		now := time.Now()
		if !t.renewed.IsZero() {
			s.renewLeases(except, every, t.renewed, now)
		}
		t.renewed = now
	}
}

// renewLeases renews those that are due after that moment, until the other.
func (s *store) renewLeases(except map[string]bool, every time.Duration, after, until time.Time) {
	leases, _, _ := s.all(leaseKind)
	for _, lease := range leases {
		if lease.namespace != leaseNamespace || except[lease.name] || !isDue(lease.name, every, after, until) {
			continue
		}
		s.update(leaseKind, lease.namespace, lease.name, false, []string{"spec"}, func(obj map[string]any, _ *object) error {
			ensure(obj, "spec")["renewTime"] = nowMicro()
			return nil
		})
	}
}

// phase is when within a period a node renews its Lease.
func phase(name string, every time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(name))
	return time.Duration(float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32) * float64(every))
}

// isDue says whether a moment of that node lies after the one, and not after the other.
func isDue(name string, every time.Duration, after, until time.Time) bool {
	shift := int64(phase(name, every))
	return (after.UnixNano()-shift)/int64(every) < (until.UnixNano()-shift)/int64(every)
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
