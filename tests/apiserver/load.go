package main

import "fmt"

// load stores an object as it is, in place of what is there, with a uid and a
// creationTimestamp if it brings none.
func (s *store) load(obj map[string]any) error {
	k := kindByName(text(obj, "apiVersion"), text(obj, "kind"))
	if k == nil {
		return fmt.Errorf("%s of %s is not served", text(obj, "kind"), text(obj, "apiVersion"))
	}
	meta := ensure(obj, "metadata")
	if k.namespaced && text(meta, "namespace") == "" {
		meta["namespace"] = "default"
	}
	if text(meta, "name") == "" {
		return fmt.Errorf("a %s has no name", k.name)
	}
	s.loadNamespace(text(meta, "namespace"))
	for {
		current := s.get(k, text(meta, "namespace"), text(meta, "name"))
		if text(meta, "uid") == "" {
			meta["uid"] = newUID()
			if current != nil {
				meta["uid"] = current.uid
			}
		}
		if text(meta, "creationTimestamp") == "" {
			meta["creationTimestamp"] = now()
		}
		d, err := newDraft(k, obj, current)
		if err != nil {
			return err
		}
		if _, ok := s.commit(d, current); ok {
			return nil
		}
	}
}

func (s *store) loadNamespace(name string) {
	if name == "" || s.get(spaceKind, "", name) != nil {
		return
	}
	d, err := newDraft(spaceKind, map[string]any{
		"metadata": map[string]any{"name": name, "uid": newUID(), "creationTimestamp": now(),
			"labels": map[string]any{"kubernetes.io/metadata.name": name}},
		"spec":   map[string]any{"finalizers": []any{"kubernetes"}},
		"status": map[string]any{"phase": "Active"},
	}, nil)
	if err != nil {
		panic("a Namespace does not encode: " + err.Error())
	}
	s.commit(d, nil)
}
