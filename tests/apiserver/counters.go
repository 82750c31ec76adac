package main

import (
	"fmt"
	"sync"
	"time"
)

// counters are kept from the start or the last reset.
type counters struct {
	mu          sync.Mutex
	requests    map[string]int // "verb resource code"
	inFlight    int
	peak        int
	connections int
	since       time.Time
}

type counts struct {
	Requests    map[string]int `json:"requests"`
	InFlight    int            `json:"inFlight"`
	Peak        int            `json:"peakInFlight"`
	Connections int            `json:"connections"`
	Watches     int            `json:"watches"`
	Seconds     float64        `json:"seconds"`
}

func newCounters() *counters {
	return &counters{requests: map[string]int{}, since: time.Now()}
}

func (c *counters) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight++
	c.peak = max(c.peak, c.inFlight)
}

func (c *counters) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
}

func (c *counters) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connections++
}

func (c *counters) count(rq *request, code int) {
	resource := "unknown"
	if rq.kind != nil {
		resource = rq.resource()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[fmt.Sprintf("%s %s %d", rq.verb, resource, code)]++
}

func (c *counters) read(watches int) counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests := map[string]int{}
	for name, n := range c.requests {
		requests[name] = n
	}
	return counts{requests, c.inFlight, c.peak, c.connections, watches, time.Since(c.since).Seconds()}
}

func (c *counters) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests, c.peak, c.connections, c.since = map[string]int{}, c.inFlight, 0, time.Now()
}
