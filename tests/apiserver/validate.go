package main

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	maxAnnotations = 256 << 10
	maxNote        = 1024
)

var (
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	namePart  = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`)
	labelPart = regexp.MustCompile(`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`)
)

// What the real server says when a name does not match.
const (
	subdomainRule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
		"and must start and end with an alphanumeric character (e.g. 'example.com', " +
		`regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`
	wordRule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
		"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
	slashRule = "a valid label key " + wordRule + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
	labelRule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " +
		"and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', " +
		"regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
	lengthRule = "must be no more than 63 bytes"
)

// validate answers with a *status, or nil; it looks at what is decoded.
func validate(k *kind, obj map[string]any, creating bool) error {
	meta := child(obj, "metadata")
	name := text(meta, "name")
	var causes []cause
	if name == "" {
		causes = append(causes, required("metadata.name", "name or generateName is required"))
	} else if len(name) > 253 || !subdomain.MatchString(name) {
		causes = append(causes, invalidValue("metadata.name", name, subdomainRule))
	}
	causes = append(causes, checkMaps(meta)...)
	if k == podKind {
		for i, condition := range list(child(obj, "status"), "conditions") {
			condition, _ := condition.(map[string]any)
			causes = append(causes, checkName(fmt.Sprintf("status.conditions[%d].Type", i), text(condition, "type"))...)
		}
	}
	if k == eventKind && creating {
		causes = append(causes, checkEvent(obj)...)
	}
	if len(causes) > 0 {
		return invalid(k, name, causes)
	}
	return nil
}

// checkMaps looks at labels and annotations.
func checkMaps(meta map[string]any) (causes []cause) {
	size := 0
	for key, value := range child(meta, "annotations") {
		size += len(key) + len(value.(string))
		causes = append(causes, checkName("metadata.annotations", key)...)
	}
	if size > maxAnnotations {
		causes = append(causes, tooLong("metadata.annotations", maxAnnotations))
	}
	for key, value := range child(meta, "labels") {
		causes = append(causes, checkName("metadata.labels", key)...)
		if value := value.(string); len(value) > 63 {
			causes = append(causes, invalidValue("metadata.labels", value, lengthRule))
		} else if !labelPart.MatchString(value) {
			causes = append(causes, invalidValue("metadata.labels", value, labelRule))
		}
	}
	return causes
}

// checkName wants a qualified name.
func checkName(field, name string) []cause {
	if why := whyNotQualified(name); why != "" {
		return []cause{invalidValue(field, name, why)}
	}
	return nil
}

func whyNotQualified(s string) string {
	prefix, name, found := strings.Cut(s, "/")
	if !found {
		prefix, name = "a", s
	}
	switch {
	case strings.Contains(name, "/"):
		return slashRule
	case len(prefix) > 253 || !subdomain.MatchString(strings.ToLower(prefix)):
		return "prefix part " + subdomainRule
	case len(name) > 63:
		return "name part " + lengthRule
	case !namePart.MatchString(name):
		return "name part " + wordRule
	}
	return ""
}

// checkEvent is ValidateEventCreate of events.k8s.io/v1, which names the value
// of a bad field nowhere and a note by its old name.
func checkEvent(event map[string]any) (causes []cause) {
	if text(event, "eventTime") == "" {
		causes = append(causes, required("eventTime", ""))
	}
	for _, field := range []string{"reportingController", "reportingInstance", "action", "reason"} {
		if value := text(event, field); value == "" {
			causes = append(causes, required(field, ""))
		} else if len(value) > 128 {
			causes = append(causes, invalidValue(field, "", "can have at most 128 characters"))
		}
	}
	if controller := text(event, "reportingController"); controller != "" {
		causes = append(causes, checkName("reportingController", controller)...)
	}
	if kind := text(event, "type"); kind != "Normal" && kind != "Warning" {
		causes = append(causes, invalidValue("type", "", "has invalid value: "+kind))
	}
	if len(text(event, "note")) > maxNote {
		causes = append(causes, invalidValue("message", "", fmt.Sprintf("can have at most %d characters", maxNote)))
	}
	space := text(child(event, "metadata"), "namespace")
	if text(child(event, "regarding"), "namespace") == "" && space != "default" && space != "kube-system" {
		causes = append(causes, invalidValue("involvedObject.namespace", "", "does not match event.namespace"))
	}
	return causes
}
