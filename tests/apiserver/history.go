package main

import "sort"

// change is one step in an object's life; before is nil for a new object.
type change struct {
	event          string // ADDED, MODIFIED, DELETED
	object, before *object
}

// history keeps at least the last limit changes of a kind. A cursor counts all
// changes ever, so it stays good when the oldest are dropped.
type history struct {
	limit   int
	changes []change
	dropped uint64 // how many came before changes[0]
	lost    uint64 // resourceVersion up to which changes are gone
	next    chan struct{}
}

func newHistory(limit int) history {
	return history{limit: limit, next: make(chan struct{})}
}

func (h *history) end() uint64 { return h.dropped + uint64(len(h.changes)) }

func (h *history) add(c change) {
	if len(h.changes) >= 2*h.limit {
		h.drop(h.limit)
	}
	h.changes = append(h.changes, c)
	close(h.next)
	h.next = make(chan struct{})
}

func (h *history) drop(n int) {
	h.lost = h.changes[n-1].object.rv
	h.dropped += uint64(n)
	h.changes = append([]change(nil), h.changes[n:]...)
}

func (h *history) compact(rv uint64) {
	if len(h.changes) > 0 {
		h.drop(len(h.changes))
	}
	h.lost = rv
}

// from is what follows the cursor; the caller may keep it.
func (h *history) from(cursor uint64) ([]change, bool) {
	if cursor < h.dropped {
		return nil, false
	}
	return h.changes[cursor-h.dropped:], true
}

// after is the cursor of the first change younger than rv.
func (h *history) after(rv uint64) uint64 {
	i := sort.Search(len(h.changes), func(i int) bool { return h.changes[i].object.rv > rv })
	return h.dropped + uint64(i)
}
