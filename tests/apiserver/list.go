package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// snapshots keeps what paged lists still have to send, so that every page shows
// the same moment. A real server reads old revisions; both forget them.
type snapshots struct {
	mu   sync.Mutex
	last uint64
	kept map[uint64]snapshot
}

type snapshot struct {
	objects []*object
	rv      uint64
	made    time.Time
}

const (
	snapshotAge  = 5 * time.Minute
	maxSnapshots = 64
)

func (n *snapshots) keep(objects []*object, rv uint64) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, s := range n.kept {
		if time.Since(s.made) > snapshotAge || id+maxSnapshots <= n.last {
			delete(n.kept, id)
		}
	}
	n.last++
	n.kept[n.last] = snapshot{objects, rv, time.Now()}
	return n.last
}

func (n *snapshots) find(id uint64) (snapshot, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, ok := n.kept[id]
	return s, ok
}

func (n *snapshots) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.kept)
}

// page is one answer to a list.
type page struct {
	objects   []*object
	rv        uint64
	next      string // continue token
	remaining int
	counted   bool // remaining is told
}

func (v *server) list(rq *request) (*response, error) {
	selector, refused := parseSelector(rq)
	if refused != nil {
		return nil, refused
	}
	if refused := checkListOptions(rq); refused != nil {
		return nil, refused
	}
	var limit int64
	if given := rq.query.Get("limit"); given != "" {
		var err error
		if limit, err = strconv.ParseInt(given, 10, 64); err != nil || limit < 0 {
			return nil, badRequest("%v", err)
		}
	}
	var p *page
	if token := rq.query.Get("continue"); token != "" {
		p, refused = v.nextPage(token, int(limit))
	} else {
		p, refused = v.firstPage(rq, selector, int(limit))
	}
	if refused != nil {
		return nil, refused
	}
	p.counted = p.next != "" && !selector.selects()
	return &response{code: http.StatusOK, write: func(out *output) error {
		return p.send(rq, out)
	}}, nil
}

func checkListOptions(rq *request) *status {
	rv, match := rq.query.Get("resourceVersion"), rq.query.Get("resourceVersionMatch")
	switch {
	case rq.query.Get("sendInitialEvents") != "":
		return forbiddenOption("sendInitialEvents", "sendInitialEvents is forbidden for list")
	case match != "" && rq.query.Get("continue") != "":
		return forbiddenOption("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
	case match != "" && rv == "":
		return forbiddenOption("resourceVersionMatch",
			"resourceVersionMatch is forbidden unless resourceVersion is provided")
	case match != "" && match != "Exact" && match != "NotOlderThan":
		return invalidOptions("ListOptions", cause{"FieldValueNotSupported",
			fmt.Sprintf(`Unsupported value: %q: supported values: "Exact", "NotOlderThan", ""`, match), "resourceVersionMatch"})
	case match == "Exact" && rv == "0":
		return forbiddenOption("resourceVersionMatch",
			`resourceVersionMatch "exact" is forbidden for resourceVersion "0"`)
	case rv != "" && rv != "0" && rq.query.Get("continue") != "":
		return badRequest("specifying resource version is not allowed when using continue")
	}
	return nil
}

func (v *server) firstPage(rq *request, selector *selector, limit int) (*page, *status) {
	wanted, err := parseNumber(rq.query.Get("resourceVersion"))
	if err != nil {
		return nil, badRequest("invalid resource version: resourceVersion: Invalid value: %q: %v",
			rq.query.Get("resourceVersion"), err)
	}
	if refused := v.waitFor(wanted); refused != nil {
		return nil, refused
	}
	objects, rv := v.selected(rq.kind, selector)
	if rq.query.Get("resourceVersionMatch") == "Exact" && rv != wanted {
		return nil, failure(http.StatusGone, "The resourceVersion for the provided list is too old.")
	}
	if limit == 0 || rq.query.Get("resourceVersion") == "0" {
		limit = len(objects) // from the watch cache a list comes whole
	}
	return v.cut(objects, rv, 0, 0, limit), nil
}

func (v *server) selected(k *kind, selector *selector) ([]*object, uint64) {
	if node := selector.node(); node != "" {
		objects, rv := v.store.onNode(k, node)
		return selector.filter(objects), rv
	}
	objects, rv, _ := v.store.all(k)
	return selector.filter(objects), rv
}

func (v *server) nextPage(token string, limit int) (*page, *status) {
	var id uint64
	var start int
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d %d", &id, &start)
	}
	if err != nil {
		return nil, badRequest("continue key is not valid: %v", err)
	}
	s, ok := v.snapshots.find(id)
	if !ok || start > len(s.objects) {
		return nil, failure(http.StatusGone, "The provided continue parameter is too old to display a consistent "+
			"list result. You can start a new list without the continue parameter.")
	}
	if limit == 0 {
		limit = len(s.objects)
	}
	return v.cut(s.objects, s.rv, id, start, limit), nil
}

// cut makes a page of limit objects from start on; snapshot 0 is none yet.
func (v *server) cut(objects []*object, rv, snapshot uint64, start, limit int) *page {
	end := min(start+limit, len(objects))
	p := &page{objects: objects[start:end], rv: rv, remaining: len(objects) - end}
	if p.remaining > 0 {
		if snapshot == 0 {
			snapshot = v.snapshots.keep(objects, rv)
		}
		p.next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d", snapshot, end))
	}
	return p
}

func (p *page) send(rq *request, out *output) error {
	kind, apiVersion, partial := rq.kind.name+"List", rq.kind.apiVersion(), rq.wantsPartial()
	if partial {
		kind, apiVersion = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	w := bufio.NewWriterSize(out, 64<<10)
	fmt.Fprintf(w, `{"kind":%q,"apiVersion":%q,"metadata":{"resourceVersion":"%d"`, kind, apiVersion, p.rv)
	if p.next != "" {
		fmt.Fprintf(w, `,"continue":%q`, p.next)
	}
	if p.counted {
		fmt.Fprintf(w, `,"remainingItemCount":%d`, p.remaining)
	}
	w.WriteString(`},"items":[`)
	for i, o := range p.objects {
		if i > 0 {
			w.WriteByte(',')
		}
		item := o.raw
		if partial {
			item = o.partial()
		}
		if _, err := w.Write(item); err != nil {
			return err
		}
	}
	w.WriteString("]}\n")
	return w.Flush()
}

// parseNumber reads "" as 0, and no sign.
func parseNumber(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	return strconv.ParseUint(text, 10, 64)
}

const freshWait = 3 * time.Second

// waitFor gives a resourceVersion from the future three seconds to come true.
func (v *server) waitFor(rv uint64) *status {
	deadline := time.Now().Add(freshWait)
	for v.store.currentRV() < rv {
		if time.Now().After(deadline) {
			s := failure(http.StatusGatewayTimeout, "Timeout: Too large resource version: %d, current: %d",
				rv, v.store.currentRV())
			s.Details = &details{RetryAfterSeconds: 1,
				Causes: []cause{{Reason: "ResourceVersionTooLarge", Message: "Too large resource version"}}}
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}
