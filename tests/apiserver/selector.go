package main

import "strings"

// selector is what fieldSelector and labelSelector of a list or watch ask for.
type selector struct {
	namespace string // "" is all
	fields    []term
	labels    []term
}

type term struct {
	name, value string
	negate      bool
	exists      bool // value does not matter
}

var selectable = map[string]func(o *object) string{
	"metadata.name":      func(o *object) string { return o.name },
	"metadata.namespace": func(o *object) string { return o.namespace },
	"spec.nodeName":      func(o *object) string { return o.node },
}

func parseSelector(rq *request) (*selector, *status) {
	s := &selector{namespace: rq.namespace}
	s.fields = parseTerms(rq.query.Get("fieldSelector"))
	s.labels = parseTerms(rq.query.Get("labelSelector"))
	for _, t := range s.fields {
		if selectable[t.name] == nil || t.exists || (t.name == "spec.nodeName" && rq.kind != podKind) {
			return nil, badRequest("field label not supported: %s", t.name)
		}
	}
	for _, t := range s.labels {
		if whyNotQualified(t.name) != "" {
			return nil, badRequest("unable to parse requirement: %q (this server knows equality only)", t.name)
		}
	}
	return s, nil
}

// parseTerms reads "a=b,c==d,e!=f,g,!h".
func parseTerms(text string) (terms []term) {
	if text == "" {
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if name, value, ok := strings.Cut(part, "!="); ok {
			terms = append(terms, term{name: name, value: value, negate: true})
		} else if name, value, ok := strings.Cut(part, "="); ok {
			terms = append(terms, term{name: name, value: strings.TrimPrefix(value, "=")})
		} else {
			name, negate := strings.CutPrefix(part, "!")
			terms = append(terms, term{name: name, negate: negate, exists: true})
		}
	}
	return terms
}

// selects says whether the selectors, beyond a namespace, narrow anything.
func (s *selector) selects() bool { return len(s.fields)+len(s.labels) > 0 }

// node is the node whose pods are wanted, or "".
func (s *selector) node() string {
	for _, t := range s.fields {
		if t.name == "spec.nodeName" && !t.negate {
			return t.value
		}
	}
	return ""
}

func (s *selector) matches(o *object) bool {
	if o == nil || (s.namespace != "" && s.namespace != o.namespace) {
		return false
	}
	for _, t := range s.fields {
		if (selectable[t.name](o) == t.value) == t.negate {
			return false
		}
	}
	for _, t := range s.labels {
		value, there := o.labels[t.name]
		if (there && (t.exists || value == t.value)) == t.negate {
			return false
		}
	}
	return true
}

func (s *selector) filter(objects []*object) []*object {
	if !s.selects() && s.namespace == "" {
		return objects
	}
	kept := make([]*object, 0, 16)
	for _, o := range objects {
		if s.matches(o) {
			kept = append(kept, o)
		}
	}
	return kept
}
