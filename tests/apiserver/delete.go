package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type deleteOptions struct {
	Kind               string   `json:"kind"`
	GracePeriodSeconds *int64   `json:"gracePeriodSeconds"`
	DryRun             []string `json:"dryRun"`
	Preconditions      *struct {
		UID             *string `json:"uid"`
		ResourceVersion *string `json:"resourceVersion"`
	} `json:"preconditions"`
}

// deleteOptions are read from the body, and from the query only if there is no
// body: a real server ignores ?dryRun=All beside one, and deletes.
func (rq *request) deleteOptions() (*deleteOptions, error) {
	options := &deleteOptions{DryRun: rq.query["dryRun"]}
	if grace := rq.query.Get("gracePeriodSeconds"); grace != "" {
		seconds, err := strconv.ParseInt(grace, 10, 64)
		if err != nil {
			return nil, badRequest("gracePeriodSeconds: %v", err)
		}
		options.GracePeriodSeconds = &seconds
	}
	if len(rq.body) == 0 {
		return options, nil
	}
	options = &deleteOptions{}
	if err := json.Unmarshal(rq.body, options); err != nil {
		return nil, badRequest("the object provided is unrecognized (must be of type DeleteOptions): %v", err)
	}
	if options.Kind != "" && options.Kind != "DeleteOptions" {
		return nil, badRequest("%s cannot be handled as a DeleteOptions", options.Kind)
	}
	return options, nil
}

func (v *server) delete(rq *request) (*response, error) {
	options, err := rq.deleteOptions()
	if err != nil {
		return nil, err
	}
	dryRun, refused := isDryRun("DeleteOptions", options.DryRun)
	if refused != nil {
		return nil, refused
	}
	for {
		current := v.store.get(rq.kind, rq.namespace, rq.name)
		if current == nil {
			return nil, notFound(rq.kind, rq.name)
		}
		if refused := options.check(current); refused != nil {
			return nil, refused
		}
		last, stays, done := v.store.deleteOne(current, options.GracePeriodSeconds, dryRun)
		if !done {
			continue
		}
		if stays || rq.kind.graceful {
			return answer(http.StatusOK, rq.encode(last)), nil
		}
		return answer(http.StatusOK, success(last).encode()), nil
	}
}

// check compares the preconditions.
func (options *deleteOptions) check(o *object) *status {
	p := options.Preconditions
	if p == nil {
		return nil
	}
	if p.UID != nil && *p.UID != o.uid {
		return failedPrecondition(o.kind, o.name, fmt.Sprintf("the UID in the precondition (%s) does not match "+
			"the UID in record (%s). The object might have been deleted and then recreated", *p.UID, o.uid))
	}
	if rv := strconv.FormatUint(o.rv, 10); p.ResourceVersion != nil && *p.ResourceVersion != rv {
		return failedPrecondition(o.kind, o.name, fmt.Sprintf("the ResourceVersion in the precondition (%s) does not match "+
			"the ResourceVersion in record (%s). The object might have been modified", *p.ResourceVersion, rv))
	}
	return nil
}

// deleteOne removes the object, or marks it when something still has to happen:
// a grace period, finalizers. done is false if another write came first.
func (s *store) deleteOne(current *object, grace *int64, dryRun bool) (last *object, stays, done bool) {
	obj := current.parts("spec", "status")
	meta := child(obj, "metadata")
	held := len(list(meta, "finalizers")) > 0
	marked := text(meta, "deletionTimestamp") != ""
	var period int64
	if current.kind.graceful {
		period = gracePeriod(obj, grace)
		pending := integer(meta["deletionGracePeriodSeconds"])
		if marked && (grace == nil || period >= pending) {
			return current, true, true
		}
	} else if marked && held {
		return current, true, true
	}
	if !current.kind.graceful && !held {
		if dryRun {
			return current, false, true
		}
		last, done = s.remove(current, nil)
		return last, false, done
	}
	meta["deletionTimestamp"] = time.Now().Add(time.Duration(period) * time.Second).UTC().Format(time.RFC3339)
	meta["deletionGracePeriodSeconds"] = period
	return s.mark(obj, current, held || period > 0, dryRun)
}

// mark stores the deletionTimestamp and then, if nothing holds the object,
// removes it; so watchers of a pod see MODIFIED before DELETED.
func (s *store) mark(obj map[string]any, current *object, stays, dryRun bool) (*object, bool, bool) {
	d, err := newDraft(current.kind, obj, current)
	if err != nil {
		panic("a stored object does not encode: " + err.Error())
	}
	if dryRun {
		return d.seal(current.rv), stays, true
	}
	marked, ok := s.commit(d, current)
	if !ok || stays {
		return marked, stays, ok
	}
	last, ok := s.remove(marked, nil)
	return last, false, ok
}

// gracePeriod is how long a pod may take, by the rules of the pod's strategy.
func gracePeriod(pod map[string]any, asked *int64) int64 {
	phase := text(child(pod, "status"), "phase")
	if text(child(pod, "spec"), "nodeName") == "" || phase == "Succeeded" || phase == "Failed" {
		return 0
	}
	period := int64(30)
	if asked != nil {
		period = *asked
	} else if own, ok := child(pod, "spec")["terminationGracePeriodSeconds"]; ok {
		period = integer(own)
	}
	if period < 0 {
		return 1
	}
	return period
}

func integer(value any) int64 {
	switch number := value.(type) {
	case json.Number:
		n, _ := number.Int64()
		return n
	case int64:
		return number
	}
	return 0
}
