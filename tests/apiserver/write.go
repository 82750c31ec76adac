package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
)

// edit is what update does to a decoded object before it is stored again; a
// *status as its error is the answer to the client.
type edit func(obj map[string]any, current *object) error

// update reads, edits and stores until nobody else wrote in between. parts
// names the top-level fields that the edit needs decoded. An edit that changes
// nothing writes nothing.
func (s *store) update(k *kind, namespace, name string, dryRun bool, parts []string, do edit) (*object, error) {
	for {
		current := s.get(k, namespace, name)
		if current == nil {
			return nil, notFound(k, name)
		}
		obj := current.parts(parts...)
		if err := do(obj, current); err != nil {
			return nil, err
		}
		d, err := newDraft(k, obj, current)
		if err != nil {
			return nil, badRequest("%v", err)
		}
		if unchanged := d.seal(current.rv); dryRun || string(unchanged.raw) == string(current.raw) {
			return unchanged, nil
		}
		if finished(d.meta) {
			if last, ok := s.remove(current, d); ok {
				return last, nil
			}
		} else if stored, ok := s.commit(d, current); ok {
			return stored, nil
		}
	}
}

// finished tells whether an object waited only for its finalizers to go.
func finished(meta map[string]any) bool {
	return text(meta, "deletionTimestamp") != "" && len(list(meta, "finalizers")) == 0 &&
		integer(meta["deletionGracePeriodSeconds"]) == 0
}

// insert stores a new object, with the metadata that a server gives.
func (s *store) insert(k *kind, obj map[string]any, dryRun bool) (*object, error) {
	meta := ensure(obj, "metadata")
	meta["uid"] = newUID()
	meta["creationTimestamp"] = now()
	d, err := newDraft(k, obj, nil)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	if dryRun {
		return d.seal(s.currentRV()), nil
	}
	stored, ok := s.commit(d, nil)
	if !ok {
		return nil, alreadyExists(k, d.name)
	}
	return stored, nil
}

func (v *server) create(rq *request) (*response, error) {
	obj, dryRun, err := rq.decodeObject()
	if err != nil {
		return nil, err
	}
	meta := ensure(obj, "metadata")
	if rq.kind.namespaced {
		if given := text(meta, "namespace"); given != "" && given != rq.namespace {
			return nil, badRequest(
				"the namespace of the provided object does not match the namespace sent on the request")
		}
		if v.store.get(spaceKind, "", rq.namespace) == nil {
			return nil, notFound(spaceKind, rq.namespace)
		}
		meta["namespace"] = rq.namespace
	}
	if prefix := text(meta, "generateName"); text(meta, "name") == "" && prefix != "" {
		meta["name"] = prefix + randomSuffix()
	}
	delete(meta, "deletionTimestamp")
	if rq.kind == podKind && text(child(obj, "status"), "phase") == "" {
		ensure(obj, "status")["phase"] = "Pending"
	}
	if why := undecodable(rq.kind, obj); why != "" {
		return nil, badRequest("%s in version %q cannot be handled as a %s: %s",
			rq.kind.name, rq.kind.version, rq.kind.name, why)
	}
	if err := validate(rq.kind, obj, true); err != nil {
		return nil, err
	}
	o, err := v.store.insert(rq.kind, obj, dryRun)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusCreated, rq.encode(o)), nil
}

func (v *server) replace(rq *request) (*response, error) {
	if rq.kind == leaseKind && v.store.get(rq.kind, rq.namespace, rq.name) == nil {
		return v.createByUpdate(rq)
	}
	sent, dryRun, err := rq.decodeObject()
	if err != nil {
		return nil, err
	}
	do := func(obj map[string]any, current *object) error {
		wanted := mergeMaps(nil, sent)
		meta := ensure(wanted, "metadata")
		if uid := text(meta, "uid"); uid != "" && uid != current.uid {
			return conflict(rq.kind, rq.name,
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", uid, current.uid)
		}
		if rq.kind == leaseKind && text(meta, "resourceVersion") == "" {
			return invalidKind(rq.kind.resource, rq.kind.group, rq.name, []cause{
				{"FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion"}})
		}
		return rq.settle(obj, wanted, current)
	}
	o, err := v.store.update(rq.kind, rq.namespace, rq.name, dryRun, []string{"spec", "status"}, do)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, rq.encode(o)), nil
}

// createByUpdate is what a PUT of a Lease that is not there does; it needs the
// right to create.
func (v *server) createByUpdate(rq *request) (*response, error) {
	create := *rq
	create.verb = "create"
	if refused := v.rights.check(&create); refused != nil {
		return nil, refused
	}
	return v.create(&create)
}

// settle makes obj, the stored state, the wanted one, as far as this request
// may: /status keeps the spec, the resource itself keeps the status.
func (rq *request) settle(obj, wanted map[string]any, current *object) error {
	stored, meta := child(obj, "metadata"), ensure(wanted, "metadata")
	if rv := text(meta, "resourceVersion"); rv != "" && rv != text(stored, "resourceVersion") {
		return conflict(rq.kind, rq.name, staleMessage)
	}
	if name := text(meta, "name"); name != rq.name {
		return badRequest("the name of the object (%s) does not match the name on the URL (%s)", name, rq.name)
	}
	for _, field := range []string{"uid", "creationTimestamp", "deletionTimestamp"} {
		if given := meta[field]; given != nil && given != stored[field] {
			return invalid(rq.kind, rq.name, []cause{invalidValue("metadata."+field, given, "field is immutable")})
		}
		keep(meta, stored, field)
	}
	for _, field := range []string{"namespace", "deletionGracePeriodSeconds", "resourceVersion"} {
		keep(meta, stored, field)
	}
	if rq.sub == "status" {
		keep(wanted, obj, "spec")
		if rq.kind == podKind {
			keep(meta, stored, "ownerReferences")
		}
	} else if rq.kind.status {
		keep(wanted, obj, "status")
	}
	if why := undecodable(rq.kind, wanted); why != "" {
		return invalidKind("", "", "", []cause{invalidValue("patch", string(rq.body), why)})
	}
	if err := validate(rq.kind, wanted, false); err != nil {
		return err
	}
	clear(obj)
	for field, value := range wanted {
		obj[field] = value
	}
	return nil
}

// keep makes field in to what it is in from, also when it is not there.
func keep(to, from map[string]any, field string) {
	if value, ok := from[field]; ok {
		to[field] = value
	} else {
		delete(to, field)
	}
}

// decodeObject is the body of a create or an update.
func (rq *request) decodeObject() (map[string]any, bool, error) {
	options := map[string]string{"create": "CreateOptions", "update": "UpdateOptions"}[rq.verb]
	dryRun, refused := isDryRun(options, rq.query["dryRun"])
	if refused != nil {
		return nil, false, refused
	}
	obj, err := decodeMap(rq.body)
	if err != nil {
		return nil, false, badRequest("the object provided is unrecognized (must be of type %s): %v", rq.kind.name, err)
	}
	name, version := text(obj, "kind"), text(obj, "apiVersion")
	if (name != "" && name != rq.kind.name) || (version != "" && version != rq.kind.apiVersion()) {
		return nil, false, badRequest("%s in version %q cannot be handled as a %s", name, version, rq.kind.name)
	}
	return obj, dryRun, nil
}

func randomSuffix() string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	var b [5]byte
	rand.Read(b[:])
	var suffix strings.Builder
	for _, c := range b {
		suffix.WriteByte(letters[int(c)%len(letters)])
	}
	return suffix.String()
}

func asStatus(err error) *status {
	var s *status
	if errors.As(err, &s) {
		return s
	}
	s = failure(http.StatusInternalServerError, "%v", err)
	s.Reason = ""
	return s
}
