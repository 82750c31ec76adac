package main

import (
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

const (
	strategicPatch = "application/strategic-merge-patch+json"
	mergePatch     = "application/merge-patch+json"
)

// mergeKeys are the lists that a strategic merge patch merges, and by which
// field; "" means a set of plain values. A list that is not here is replaced,
// as spec.taints is. From the patchStrategy tags of k8s.io/api.
var mergeKeys = map[string]string{
	"metadata.ownerReferences":           "uid",
	"metadata.finalizers":                "",
	"spec.podCIDRs":                      "",
	"spec.containers":                    "name",
	"spec.containers.env":                "name",
	"spec.containers.volumeMounts":       "mountPath",
	"spec.initContainers":                "name",
	"spec.imagePullSecrets":              "name",
	"spec.volumes":                       "name",
	"spec.hostAliases":                   "ip",
	"spec.topologySpreadConstraints":     "topologyKey",
	"spec.template.spec.containers":      "name",
	"spec.template.spec.initContainers":  "name",
	"spec.template.spec.volumes":         "name",
	"status.addresses":                   "type",
	"status.conditions":                  "type",
	"status.hostIPs":                     "ip",
	"status.podIPs":                      "ip",
	"status.resourceClaimStatuses":       "name",
	"status.resourceClaimStatuses.names": "name",
}

func (v *server) patch(rq *request) (*response, error) {
	dryRun, refused := isDryRun("PatchOptions", rq.query["dryRun"])
	if refused != nil {
		return nil, refused
	}
	media, _, _ := mime.ParseMediaType(rq.http.Header.Get("Content-Type"))
	if media != strategicPatch && media != mergePatch {
		return nil, failure(http.StatusUnsupportedMediaType, "415: Unsupported Media Type")
	}
	patch, err := decodeMap(rq.body)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	parts := make([]string, 0, len(patch))
	for field := range patch {
		parts = append(parts, field)
	}
	do := func(obj map[string]any, current *object) error {
		if media == mergePatch {
			return rq.settle(obj, mergeMaps(obj, patch), current)
		}
		wanted, err := strategic("", obj, patch)
		if err != nil {
			return err
		}
		return rq.settle(obj, wanted, current)
	}
	o, err := v.store.update(rq.kind, rq.namespace, rq.name, dryRun, parts, do)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, rq.encode(o)), nil
}

// mergeMaps is RFC 7396: the patch's nulls delete. The maps given stay as they
// are, down to the values that the result shares with them.
func mergeMaps(old, patch map[string]any) map[string]any {
	merged := make(map[string]any, len(old)+len(patch))
	for name, value := range old {
		merged[name] = value
	}
	for name, value := range patch {
		switch change := value.(type) {
		case nil:
			delete(merged, name)
		case map[string]any:
			merged[name] = mergeMaps(child(merged, name), change)
		default:
			merged[name] = value
		}
	}
	return merged
}

// strategic is Kubernetes' merge: lists in mergeKeys merge, $patch directives
// are followed. path names where in the object old is.
func strategic(path string, old, patch map[string]any) (map[string]any, error) {
	if directive := text(patch, "$patch"); directive == "replace" {
		fresh := mergeMaps(nil, patch)
		delete(fresh, "$patch")
		return fresh, nil
	} else if directive == "delete" {
		return map[string]any{}, nil
	}
	merged := make(map[string]any, len(old)+len(patch))
	for name, value := range old {
		merged[name] = value
	}
	for name, value := range patch {
		if field, found := strings.CutPrefix(name, "$deleteFromPrimitiveList/"); found {
			gone, _ := value.([]any)
			merged[field] = without(list(merged, field), gone)
			continue
		}
		if strings.HasPrefix(name, "$setElementOrder/") {
			continue // the order of a merged list means nothing here
		}
		if err := strategicField(strings.TrimPrefix(path+"."+name, "."), merged, name, value); err != nil {
			return nil, err
		}
	}
	return merged, nil
}

func strategicField(path string, merged map[string]any, name string, value any) (err error) {
	switch change := value.(type) {
	case nil:
		delete(merged, name)
	case map[string]any:
		merged[name], err = strategic(path, child(merged, name), change)
	case []any:
		if key, ok := mergeKeys[path]; !ok {
			merged[name] = change
		} else if old := list(merged, name); key == "" {
			merged[name] = interleave(change, without(old, change), old, sameValue)
		} else {
			merged[name], err = mergeList(key, path, old, change)
		}
	default:
		merged[name] = value
	}
	return err
}

// mergeList merges a list of maps by key.
func mergeList(key, path string, old, patch []any) ([]any, error) {
	same := func(a, b any) bool { return sameValue(keyOf(a, key), keyOf(b, key)) }
	kept, changed := append([]any(nil), old...), []any{}
	for _, element := range patch {
		change, ok := element.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: expected a list of objects", path)
		}
		directive := text(change, "$patch")
		if directive == "replace" && len(change) == 1 {
			kept = nil
			continue
		}
		if change[key] == nil {
			return nil, fmt.Errorf("map: %v does not contain declared merge key: %s", change, key)
		}
		var before map[string]any
		if at := slices.IndexFunc(kept, func(o any) bool { return same(o, change) }); at >= 0 {
			before = kept[at].(map[string]any)
			kept = slices.Delete(kept, at, at+1)
		}
		if directive == "delete" {
			continue
		}
		after, err := strategic(path, before, change)
		if err != nil {
			return nil, err
		}
		changed = append(changed, after)
	}
	return interleave(changed, kept, old, same), nil
}

// interleave gives the order of the real server: what the patch names in its
// own order, what it does not name where that stood before, new things first.
func interleave(named, others, old []any, same func(a, b any) bool) []any {
	index := func(value any) int { return slices.IndexFunc(old, func(o any) bool { return same(o, value) }) }
	merged := make([]any, 0, len(named)+len(others))
	for len(named) > 0 && len(others) > 0 {
		if at := index(named[0]); at >= 0 && at > index(others[0]) {
			merged, others = append(merged, others[0]), others[1:]
		} else {
			merged, named = append(merged, named[0]), named[1:]
		}
	}
	return append(append(merged, named...), others...)
}

func keyOf(element any, key string) any {
	m, _ := element.(map[string]any)
	return m[key]
}

func without(values, gone []any) []any {
	kept := make([]any, 0, len(values))
	for _, value := range values {
		if !slices.ContainsFunc(gone, func(g any) bool { return sameValue(g, value) }) {
			kept = append(kept, value)
		}
	}
	return kept
}

func sameValue(a, b any) bool { return reflect.DeepEqual(a, b) }
