package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStrategicMerge(t *testing.T) {
	for _, c := range []struct{ name, old, patch, want string }{
		{"conditions merge by type", `{"status":{"conditions":[{"type":"A","status":"True","x":1},{"type":"B"}]}}`,
			`{"status":{"conditions":[{"type":"A","status":"False"},{"type":"C"}]}}`,
			`{"status":{"conditions":[{"status":"False","type":"A","x":1},{"type":"C"},{"type":"B"}]}}`},
		{"a new condition comes first", `{"status":{"conditions":[{"type":"A"},{"type":"B"}]}}`,
			`{"status":{"conditions":[{"type":"C"},{"type":"B"},{"type":"D"}]}}`,
			`{"status":{"conditions":[{"type":"C"},{"type":"A"},{"type":"B"},{"type":"D"}]}}`},
		{"addresses merge by type", `{"status":{"addresses":[{"type":"Hostname","address":"a"}]}}`,
			`{"status":{"addresses":[{"type":"Hostname","address":"b"}]}}`,
			`{"status":{"addresses":[{"address":"b","type":"Hostname"}]}}`},
		{"taints are replaced", `{"spec":{"taints":[{"key":"a"}]}}`, `{"spec":{"taints":[{"key":"b"}]}}`,
			`{"spec":{"taints":[{"key":"b"}]}}`},
		{"volumesAttached is replaced", `{"status":{"volumesAttached":[{"name":"a"}]}}`,
			`{"status":{"volumesAttached":[]}}`, `{"status":{"volumesAttached":[]}}`},
		{"annotations merge and null deletes", `{"metadata":{"annotations":{"a":"1","b":"2"}}}`,
			`{"metadata":{"annotations":{"a":null,"c":"3"}}}`, `{"metadata":{"annotations":{"b":"2","c":"3"}}}`},
		{"a condition is deleted by directive", `{"status":{"conditions":[{"type":"A"},{"type":"B"}]}}`,
			`{"status":{"conditions":[{"$patch":"delete","type":"A"}]}}`, `{"status":{"conditions":[{"type":"B"}]}}`},
		{"finalizers are a set", `{"metadata":{"finalizers":["a","b"]}}`,
			`{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["b"]}}`,
			`{"metadata":{"finalizers":["b"]}}`},
		{"null deletes a field", `{"spec":{"unschedulable":true}}`, `{"spec":{"unschedulable":null}}`, `{"spec":{}}`},
		{"a map can be replaced", `{"a":{"b":1,"c":2}}`, `{"a":{"$patch":"replace","b":3}}`, `{"a":{"b":3}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, patch := decode(t, c.old), decode(t, c.patch)
			merged, err := strategic("", old, patch)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "merged", encode(t, merged), c.want)
			equal(t, "the old object is untouched", encode(t, old), encode(t, decode(t, c.old)))
		})
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	m, err := decodeMap([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAMergePatchReplacesLists(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	a := s.as("a", "PATCH", pods+"/p/status", mergePatch, `{"status":{"conditions":[{"type":"X"}],"phase":null}}`)
	equal(t, "status", encode(t, a.body["status"]), `{"conditions":[{"type":"X"}]}`)
}

func TestStatusAndMainResourceKeepApart(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	s.loadNode("n1")
	both := `{"metadata":{"annotations":{"a.b/c":"d"}},"spec":{"nodeName":"n2"},"status":{"phase":"Failed"}}`

	a := s.call("PATCH", pods+"/p/status", both)
	equal(t, "phase by /status", a.text("status", "phase"), "Failed")
	equal(t, "spec by /status", a.text("spec", "nodeName"), "n1")
	equal(t, "annotation by /status", a.text("metadata", "annotations", "a.b/c"), "d")

	a = s.call("PATCH", nodes+"/n1", `{"spec":{"unschedulable":true},"status":{"phase":"x"}}`)
	equal(t, "spec by the resource", a.text("spec", "unschedulable"), "true")
	equal(t, "status by the resource", a.text("status", "phase"), "")
	a = s.call("PATCH", nodes+"/n1/status", `{"metadata":{"annotations":{"k":"v"}},"spec":{"unschedulable":false}}`)
	equal(t, "a Node's annotation by /status", a.text("metadata", "annotations", "k"), "v")
	equal(t, "a Node's spec by /status", a.text("spec", "unschedulable"), "true")
}

func TestPatchIsRefused(t *testing.T) {
	long := strings.Repeat("x", maxAnnotations)
	for _, c := range []struct {
		name, path, media, body string
		code                    int
		reason, message         string
	}{
		{"another uid", pods + "/p/status", strategicPatch, `{"metadata":{"uid":"other"}}`,
			422, "Invalid", `Pod "p" is invalid: metadata.uid: Invalid value: "other": field is immutable`},
		{"a stale resourceVersion", nodes + "/n1", strategicPatch, `{"metadata":{"resourceVersion":"1"}}`,
			409, "Conflict", `Operation cannot be fulfilled on nodes "n1": the object has been modified; please apply your changes to the latest version and try again`},
		{"an annotation key that is no qualified name", pods + "/p", strategicPatch, `{"metadata":{"annotations":{"a b":"c"}}}`,
			422, "Invalid", "metadata.annotations"},
		{"a condition type that is no qualified name", pods + "/p/status", strategicPatch, `{"status":{"conditions":[{"type":"a/b/c"}]}}`,
			422, "Invalid", "status.conditions[0].Type"},
		{"over 256 KiB of annotations", pods + "/p", strategicPatch, `{"metadata":{"annotations":{"a":"` + long + `"}}}`,
			422, "Invalid", "metadata.annotations: Too long: may not be more than 262144 bytes"},
		{"an annotation that is no string", pods + "/p", strategicPatch, `{"metadata":{"annotations":{"a":1}}}`, 422, "Invalid", "annotations"},
		{"a time that is none", pods + "/p/status", strategicPatch, `{"status":{"conditions":[{"type":"A","lastTransitionTime":"now"}]}}`,
			422, "Invalid", "parsing time"},
		{"what is not there", pods + "/q", strategicPatch, `{}`, 404, "NotFound", `pods "q" not found`},
		{"no JSON", pods + "/p", strategicPatch, `{`, 400, "BadRequest", "unexpected EOF"},
		{"another media type", pods + "/p", "application/json", `{}`, 415, "UnsupportedMediaType", ""},
		{"a dry run that is not All", pods + "/p?dryRun=Some", strategicPatch, `{}`, 422, "Invalid", "dryRun"},
		{"a condition without its key", pods + "/p/status", strategicPatch, `{"status":{"conditions":[{"status":"True"}]}}`,
			500, "", "does not contain declared merge key: type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t)
			s.loadPod("p", "")
			s.loadNode("n1")
			before := s.store.currentRV()
			a := s.as("a", "PATCH", c.path, c.media, c.body)
			s.expect(a, c.code, c.reason)
			if !strings.Contains(a.text("message"), c.message) {
				t.Fatalf("message %q lacks %q", a.text("message"), c.message)
			}
			equal(t, "resourceVersion", s.store.currentRV(), before)
		})
	}
}

func TestDryRunOfAPatchStoresNothing(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	before := s.store.currentRV()
	a := s.call("PATCH", pods+"/p/status?dryRun=All", `{"status":{"phase":"Failed"}}`)
	equal(t, "answered phase", a.text("status", "phase"), "Failed")
	equal(t, "stored phase", s.call("GET", pods+"/p", "").text("status", "phase"), "Running")
	equal(t, "resourceVersion", s.store.currentRV(), before)
	s.expect(s.call("PATCH", pods+"/p/status?dryRun=All", `{"metadata":{"uid":"x"}}`), 422, "Invalid")
}

func TestAPatchThatChangesNothingWritesNothing(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Failed"}}`)
	before := s.store.currentRV()
	s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Failed"}}`)
	equal(t, "resourceVersion", s.store.currentRV(), before)
}

func TestAFailedPodMayRunAgain(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Failed"}}`)
	s.expect(s.call("PATCH", pods+"/p/status", `{"status":{"phase":"Running"}}`), 200, "")
}

func TestControlCharactersInAnnotationsAreKept(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	a := s.call("PATCH", pods+"/p", `{"metadata":{"annotations":{"a":"x\u0000\u0007y"}}}`)
	equal(t, "annotation", a.text("metadata", "annotations", "a"), "x\x00\x07y")
}
