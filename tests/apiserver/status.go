package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// status is a metav1.Status; as an error it is what the client is answered.
type status struct {
	Kind       string   `json:"kind"`
	APIVersion string   `json:"apiVersion"`
	Metadata   struct{} `json:"metadata"`
	Status     string   `json:"status"`
	Message    string   `json:"message,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Details    *details `json:"details,omitempty"`
	Code       int      `json:"code,omitempty"`
}

type details struct {
	Name              string  `json:"name,omitempty"`
	Group             string  `json:"group,omitempty"`
	Kind              string  `json:"kind,omitempty"`
	UID               string  `json:"uid,omitempty"`
	Causes            []cause `json:"causes,omitempty"`
	RetryAfterSeconds int     `json:"retryAfterSeconds,omitempty"`
}

type cause struct {
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	Field   string `json:"field,omitempty"`
}

func (s *status) Error() string { return s.Message }

func (s *status) encode() []byte {
	raw, err := json.Marshal(s)
	if err != nil {
		panic("a Status does not encode: " + err.Error())
	}
	return raw
}

var reasons = map[int]string{
	http.StatusBadRequest:            "BadRequest",
	http.StatusUnauthorized:          "Unauthorized",
	http.StatusForbidden:             "Forbidden",
	http.StatusNotFound:              "NotFound",
	http.StatusMethodNotAllowed:      "MethodNotAllowed",
	http.StatusConflict:              "Conflict",
	http.StatusGone:                  "Expired",
	http.StatusRequestEntityTooLarge: "RequestEntityTooLarge",
	http.StatusUnsupportedMediaType:  "UnsupportedMediaType",
	http.StatusUnprocessableEntity:   "Invalid",
	http.StatusTooManyRequests:       "TooManyRequests",
	http.StatusInternalServerError:   "InternalError",
	http.StatusServiceUnavailable:    "ServiceUnavailable",
	http.StatusGatewayTimeout:        "Timeout",
}

func failure(code int, format string, args ...any) *status {
	return &status{Kind: "Status", APIVersion: "v1", Status: "Failure",
		Message: fmt.Sprintf(format, args...), Reason: reasons[code], Code: code}
}

func (s *status) about(k *kind, name string) *status {
	s.Details = &details{Name: name, Group: k.group, Kind: k.resource}
	return s
}

func success(o *object) *status {
	return &status{Kind: "Status", APIVersion: "v1", Status: "Success",
		Details: &details{Name: o.name, Group: o.kind.group, Kind: o.kind.resource, UID: o.uid}}
}

func badRequest(format string, args ...any) *status {
	return failure(http.StatusBadRequest, format, args...)
}

func notFound(k *kind, name string) *status {
	return failure(http.StatusNotFound, "%s %q not found", k.qualified(), name).about(k, name)
}

func alreadyExists(k *kind, name string) *status {
	s := failure(http.StatusConflict, "%s %q already exists", k.qualified(), name).about(k, name)
	s.Reason = "AlreadyExists"
	return s
}

const staleMessage = "the object has been modified; " +
	"please apply your changes to the latest version and try again"

func conflict(k *kind, name, format string, args ...any) *status {
	return failure(http.StatusConflict, "Operation cannot be fulfilled on %s %q: %s",
		k.qualified(), name, fmt.Sprintf(format, args...)).about(k, name)
}

// failedPrecondition is a conflict that a real server words with the kind.
func failedPrecondition(k *kind, name, why string) *status {
	s := failure(http.StatusConflict, "Operation cannot be fulfilled on %s %q: %s", dotted(k.name, k.group), name, why)
	s.Details = &details{Name: name, Group: k.group, Kind: k.name}
	return s
}

func invalid(k *kind, name string, causes []cause) *status {
	if k == eventKind {
		return invalidKind(k.name, "", name, causes) // both of its groups share one validation
	}
	return invalidKind(k.name, k.group, name, causes)
}

func invalidOptions(options string, c cause) *status {
	return invalidKind(options, "meta.k8s.io", "", []cause{c})
}

func invalidKind(kind, group, name string, causes []cause) *status {
	s := failure(http.StatusUnprocessableEntity, "%s %q is invalid: %s", dotted(kind, group), name, joinCauses(causes))
	s.Details = &details{Name: name, Group: group, Kind: kind, Causes: causes}
	return s
}

func joinCauses(causes []cause) string {
	words := make([]string, len(causes))
	for i, c := range causes {
		words[i] = c.Field + ": " + c.Message
	}
	if len(words) == 1 {
		return words[0]
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func invalidValue(field string, value any, why string) cause {
	return cause{"FieldValueInvalid", fmt.Sprintf("Invalid value: %q: %s", fmt.Sprint(value), why), field}
}

func required(field, why string) cause {
	message := "Required value"
	if why != "" {
		message += ": " + why
	}
	return cause{"FieldValueRequired", message, field}
}

func tooLong(field string, limit int) cause {
	return cause{"FieldValueTooLong", fmt.Sprintf("Too long: may not be more than %d bytes", limit), field}
}

func forbiddenOption(field, why string) *status {
	return invalidOptions("ListOptions", cause{"FieldValueForbidden", "Forbidden: " + why, field})
}
