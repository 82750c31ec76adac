package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// request is an API call, taken apart.
type request struct {
	http      *http.Request
	query     url.Values
	received  time.Time
	auditID   string
	user      string
	body      []byte
	verb      string
	kind      *kind
	sub       string // "", "status"
	namespace string
	name      string
}

// response is an answer: a body, or what writes one.
type response struct {
	code       int
	body       []byte
	write      func(out *output) error
	long       bool // a watch: its start is audited too
	retryAfter int
}

// output is where a body goes.
type output struct {
	http.ResponseWriter
	flush func() error
}

func answer(code int, body []byte) *response { return &response{code: code, body: body} }

func refuse(s *status) *response { return answer(s.Code, s.encode()) }

// parsePath fills in what the URL says; false means that nothing is served there.
func (rq *request) parsePath(path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	group, version := "", ""
	switch {
	case parts[0] == "api" && len(parts) >= 3:
		version, parts = parts[1], parts[2:]
	case parts[0] == "apis" && len(parts) >= 4:
		group, version, parts = parts[1], parts[2], parts[3:]
	default:
		return false
	}
	if parts[0] == "namespaces" && len(parts) >= 3 {
		rq.namespace, parts = parts[1], parts[2:]
	}
	rq.kind = kindByResource(group, version, parts[0])
	if len(parts) > 1 {
		rq.name = parts[1]
	}
	if len(parts) > 2 {
		rq.sub = parts[2]
	}
	return rq.kind != nil && len(parts) <= 3 && rq.fits()
}

// fits says whether scope and subresource are ones that the kind has.
func (rq *request) fits() bool {
	if rq.sub != "" && (rq.sub != "status" || !rq.kind.status) {
		return false
	}
	if !rq.kind.namespaced {
		return rq.namespace == ""
	}
	return rq.namespace != "" || rq.name == ""
}

// parseVerb tells what is asked for, in the words of RBAC; false means that the
// kind does not allow it.
func (rq *request) parseVerb() bool {
	rq.verb = strings.ToLower(rq.http.Method)
	if rq.kind == nil {
		return false
	}
	switch method := rq.http.Method; {
	case method == http.MethodGet && rq.name != "":
		rq.verb = "get"
	case method == http.MethodGet && isTrue(rq.query.Get("watch")):
		rq.verb = "watch"
	case method == http.MethodGet:
		rq.verb = "list"
	case method == http.MethodPost && rq.name == "" && (rq.namespace != "") == rq.kind.namespaced:
		rq.verb = "create"
	case method == http.MethodPut && rq.name != "":
		rq.verb = "update"
	case method == http.MethodPatch && rq.name != "":
		rq.verb = "patch"
	case method == http.MethodDelete && rq.name != "":
		rq.verb = "delete"
	default:
		return false
	}
	return rq.kind.allows(rq.verb) && (rq.sub == "" || rq.verb == "get" ||
		rq.verb == "patch" || rq.verb == "update")
}

func isTrue(s string) bool { return s == "1" || s == "true" }

// resource is resource[/subresource], as rights and faults name it.
func (rq *request) resource() string {
	if rq.sub == "" {
		return rq.kind.resource
	}
	return rq.kind.resource + "/" + rq.sub
}

// isDryRun reads dryRun of the query, or of a DELETE's body.
func isDryRun(options string, values []string) (bool, *status) {
	for _, value := range values {
		if value != "All" {
			return false, invalidOptions(options, cause{"FieldValueNotSupported",
				fmt.Sprintf("Unsupported value: %q: supported values: \"All\"", values), "dryRun"})
		}
	}
	return len(values) > 0, nil
}

// wantsPartial tells whether the Accept header asks for metadata alone.
func (rq *request) wantsPartial() bool {
	for _, part := range strings.Split(rq.http.Header.Get("Accept"), ",") {
		if strings.Contains(part, "as=PartialObjectMetadata") && strings.Contains(part, "g=meta.k8s.io") {
			return true
		}
		if strings.HasPrefix(strings.TrimSpace(part), "application/json") || strings.Contains(part, "*/*") {
			return false
		}
	}
	return false
}

// encode is an object in the shape that the client asked for.
func (rq *request) encode(o *object) []byte {
	if rq.wantsPartial() {
		return o.partial()
	}
	return o.full()
}
