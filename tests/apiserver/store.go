package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// store keeps the objects of every kind under one lock and one resourceVersion
// counter, as etcd does, and of every kind the last changes for watches.
//
// Objects never change, so a list or a watch hands out pointers and writes them
// to the network after the lock is released. A write is prepared outside of the
// lock from the state that it read, and commits only if that is still the state.
type store struct {
	mu          sync.RWMutex
	rv          uint64
	collections map[*kind]*collection
}

type collection struct {
	objects map[string]*object
	byNode  map[string]map[string]*object // spec.nodeName -> key -> object
	sorted  []*object                     // by key; nil when it must be made again
	history history
}

func newStore(historyLimit int) *store {
	s := &store{collections: map[*kind]*collection{}}
	for _, k := range kinds {
		s.collections[k] = &collection{
			objects: map[string]*object{},
			byNode:  map[string]map[string]*object{},
			history: newHistory(historyLimit),
		}
	}
	return s
}

func (s *store) get(k *kind, namespace, name string) *object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.collections[k].objects[namespace+"/"+name]
}

func (s *store) currentRV() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rv
}

// all is every object of a kind by key, the resourceVersion of that moment, and
// where a watch goes on from it.
func (s *store) all(k *kind) (objects []*object, rv, cursor uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[k]
	if c.sorted == nil {
		c.sorted = sortedByKey(c.objects)
	}
	return c.sorted, s.rv, c.history.end()
}

// onNode is what all gives, of one node's pods.
func (s *store) onNode(k *kind, node string) (objects []*object, rv uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedByKey(s.collections[k].byNode[node]), s.rv
}

func sortedByKey(objects map[string]*object) []*object {
	sorted := make([]*object, 0, len(objects))
	for _, o := range objects {
		sorted = append(sorted, o)
	}
	slices.SortFunc(sorted, func(a, b *object) int {
		if c := strings.Compare(a.namespace, b.namespace); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return sorted
}

// commit stores the draft if the stored state still is before (nil: nothing).
func (s *store) commit(d *draft, before *object) (*object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[d.kind]
	if c.objects[d.key()] != before {
		return nil, false
	}
	s.rv++
	o := d.seal(s.rv)
	if before != nil {
		c.forget(before)
		c.history.add(change{"MODIFIED", o, before})
	} else {
		c.history.add(change{"ADDED", o, nil})
	}
	c.put(o)
	return o, true
}

// remove takes the object out if it still is the stored state. Its last state,
// final or else what it was, carries the resourceVersion of the removal.
func (s *store) remove(before *object, final *draft) (*object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[before.kind]
	if c.objects[before.key()] != before {
		return nil, false
	}
	s.rv++
	if final == nil {
		final = before.redraft()
	}
	last := final.seal(s.rv)
	c.forget(before)
	c.history.add(change{"DELETED", last, before})
	return last, true
}

func (c *collection) put(o *object) {
	c.sorted = nil
	c.objects[o.key()] = o
	if o.node == "" {
		return
	}
	if c.byNode[o.node] == nil {
		c.byNode[o.node] = map[string]*object{}
	}
	c.byNode[o.node][o.key()] = o
}

func (c *collection) forget(o *object) {
	c.sorted = nil
	delete(c.objects, o.key())
	if o.node == "" {
		return
	}
	delete(c.byNode[o.node], o.key())
	if len(c.byNode[o.node]) == 0 {
		delete(c.byNode, o.node)
	}
}

// since is what happened to a kind from the cursor on, the resourceVersion now,
// and a channel closed at the next change; ok is false if the history no longer
// reaches back so far.
func (s *store) since(k *kind, cursor uint64) (changes []change, rv uint64, next <-chan struct{}, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := &s.collections[k].history
	changes, ok = h.from(cursor)
	return changes, s.rv, h.next, ok
}

// cursorAfter is where a watch from resourceVersion rv starts; oldest is the
// first resourceVersion it could start from when ok is false.
func (s *store) cursorAfter(k *kind, rv uint64) (cursor, oldest uint64, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := &s.collections[k].history
	if rv < h.lost {
		return 0, h.lost, false
	}
	return h.after(rv), h.lost, true
}

// compact forgets all history, as etcd does every five minutes.
func (s *store) compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.collections {
		c.history.compact(s.rv)
	}
}

func newUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

const microTime = "2006-01-02T15:04:05.000000Z07:00"

func nowMicro() string { return time.Now().UTC().Format(microTime) }
