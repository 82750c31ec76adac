package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// object is one stored state and never changes. Its JSON is kept encoded as a
// list carries it: without kind and apiVersion, metadata first.
type object struct {
	kind                 *kind
	namespace, name, uid string
	rv                   uint64
	node                 string // spec.nodeName
	labels               map[string]string
	raw                  []byte
	metaEnd              int // where the metadata ends in raw
}

const metaPrefix = `{"metadata":`

func (o *object) key() string { return o.namespace + "/" + o.name }

func (o *object) metadata() []byte { return o.raw[len(metaPrefix):o.metaEnd] }

// full is the object as GET and watch events carry it.
func (o *object) full() []byte {
	return typed(o.kind.name, o.kind.apiVersion(), o.raw)
}

// partial is the object as PartialObjectMetadata.
func (o *object) partial() []byte {
	return typed("PartialObjectMetadata", "meta.k8s.io/v1",
		append(o.raw[:o.metaEnd:o.metaEnd], '}'))
}

func typed(kind, apiVersion string, raw []byte) []byte {
	head := fmt.Sprintf(`{"kind":%q,"apiVersion":%q,`, kind, apiVersion)
	return append([]byte(head), raw[1:]...)
}

// parts decodes the named top-level fields and metadata; the others stay
// encoded (json.RawMessage), for most writes touch little of a large object.
func (o *object) parts(decode ...string) map[string]any {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(o.raw, &fields); err != nil {
		panic("a stored object does not decode: " + err.Error())
	}
	obj := make(map[string]any, len(fields))
	for name, raw := range fields {
		obj[name] = raw
	}
	for _, name := range append(decode, "metadata") {
		raw, ok := obj[name].(json.RawMessage)
		if !ok {
			continue
		}
		value, err := decodeJSON(raw)
		if err != nil {
			panic("a stored object does not decode: " + err.Error())
		}
		obj[name] = value
	}
	return obj
}

// draft is an object on its way into the store: everything but its
// resourceVersion, which is known only once the store is locked.
type draft struct {
	object
	meta map[string]any
	rest []byte // what follows the metadata in raw
}

// newDraft takes a whole object, or one whose fields are partly encoded; before
// is its stored state, or nil.
func newDraft(k *kind, obj map[string]any, before *object) (*draft, error) {
	d := &draft{meta: child(obj, "metadata")}
	dropEmpty(d.meta)
	d.kind = k
	d.namespace, d.name, d.uid = text(d.meta, "namespace"), text(d.meta, "name"), text(d.meta, "uid")
	d.labels = map[string]string{}
	for name, value := range child(d.meta, "labels") {
		d.labels[name], _ = value.(string)
	}
	if spec, ok := obj["spec"].(map[string]any); ok {
		d.node = text(spec, "nodeName")
	} else if before != nil {
		d.node = before.node
	}
	body := make(map[string]any, len(obj))
	for name, value := range obj {
		if name != "metadata" && name != "kind" && name != "apiVersion" {
			body[name] = value
		}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	d.rest = []byte("}")
	if len(body) > 0 {
		d.rest = append([]byte(","), encoded[1:]...)
	}
	return d, nil
}

// dropEmpty leaves out what a typed server leaves out when it encodes.
func dropEmpty(meta map[string]any) {
	for _, field := range []string{"finalizers", "ownerReferences", "labels", "annotations"} {
		if len(list(meta, field)) == 0 && len(child(meta, field)) == 0 {
			delete(meta, field)
		}
	}
}

// seal gives the draft its resourceVersion and makes it an object.
func (d *draft) seal(rv uint64) *object {
	d.meta["resourceVersion"] = strconv.FormatUint(rv, 10)
	meta, err := json.Marshal(d.meta)
	if err != nil {
		panic("decoded metadata does not encode: " + err.Error())
	}
	o := d.object
	o.rv = rv
	o.raw = make([]byte, 0, len(metaPrefix)+len(meta)+len(d.rest))
	o.raw = append(append(o.raw, metaPrefix...), meta...)
	o.metaEnd = len(o.raw)
	o.raw = append(o.raw, d.rest...)
	return &o
}

// redraft is the object as a draft, to be sealed anew.
func (o *object) redraft() *draft {
	meta, err := decodeJSON(o.metadata())
	if err != nil {
		panic("a stored object does not decode: " + err.Error())
	}
	return &draft{object: *o, meta: meta.(map[string]any), rest: o.raw[o.metaEnd:]}
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("data after the JSON value")
	}
	return value, nil
}

func decodeMap(raw []byte) (map[string]any, error) {
	value, err := decodeJSON(raw)
	if err != nil {
		return nil, err
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not a JSON object")
	}
	return m, nil
}

// child is the object under name, or nil, which is fine to read from.
func child(m map[string]any, name string) map[string]any {
	c, _ := m[name].(map[string]any)
	return c
}

// ensure is the object under name, made when missing.
func ensure(m map[string]any, name string) map[string]any {
	c, ok := m[name].(map[string]any)
	if !ok {
		c = map[string]any{}
		m[name] = c
	}
	return c
}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func list(m map[string]any, name string) []any {
	l, _ := m[name].([]any)
	return l
}
