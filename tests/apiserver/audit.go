package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
)

// audit writes a line a request, as audit.k8s.io/v1 has it.
type audit struct {
	mu   sync.Mutex
	file *os.File // nil: no log
}

const maxAuditBody = 64 << 10

type auditEvent struct {
	Kind           string            `json:"kind"`
	APIVersion     string            `json:"apiVersion"`
	Level          string            `json:"level"`
	AuditID        string            `json:"auditID"`
	Stage          string            `json:"stage"`
	RequestURI     string            `json:"requestURI"`
	Verb           string            `json:"verb"`
	User           auditUser         `json:"user"`
	SourceIPs      []string          `json:"sourceIPs"`
	UserAgent      string            `json:"userAgent,omitempty"`
	ObjectRef      *auditRef         `json:"objectRef,omitempty"`
	ResponseStatus *auditStatus      `json:"responseStatus,omitempty"`
	RequestObject  json.RawMessage   `json:"requestObject,omitempty"`
	Received       string            `json:"requestReceivedTimestamp"`
	Staged         string            `json:"stageTimestamp"`
	Annotations    map[string]string `json:"annotations,omitempty"`
}

type auditUser struct {
	Username string `json:"username"`
}

type auditRef struct {
	Resource    string `json:"resource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	APIGroup    string `json:"apiGroup,omitempty"`
	APIVersion  string `json:"apiVersion,omitempty"`
	Subresource string `json:"subresource,omitempty"`
}

type auditStatus struct {
	Metadata struct{} `json:"metadata"`
	Code     int      `json:"code"`
}

// record writes the line; code 0 is a request that is never answered.
func (a *audit) record(rq *request, code int, stage, fault string) {
	if a.file == nil {
		return
	}
	e := &auditEvent{Kind: "Event", APIVersion: "audit.k8s.io/v1", Level: "Metadata", AuditID: rq.auditID,
		Stage: stage, RequestURI: rq.http.URL.RequestURI(), Verb: rq.verb, User: auditUser{rq.user},
		SourceIPs: []string{rq.http.RemoteAddr}, UserAgent: rq.http.UserAgent(),
		Received: rq.received.UTC().Format(microTime), Staged: nowMicro()}
	if host, _, err := net.SplitHostPort(rq.http.RemoteAddr); err == nil {
		e.SourceIPs[0] = host
	}
	if rq.kind != nil {
		e.ObjectRef = &auditRef{rq.kind.resource, rq.namespace, rq.name, rq.kind.group, rq.kind.version, rq.sub}
	}
	if code != 0 {
		e.ResponseStatus = &auditStatus{Code: code}
	}
	if len(rq.body) > 0 && len(rq.body) <= maxAuditBody && json.Valid(rq.body) {
		e.Level, e.RequestObject = "Request", rq.body
	}
	if fault != "" {
		e.Annotations = map[string]string{"lastgasp.invalid/fault": fault}
	}
	line, err := json.Marshal(e)
	if err != nil {
		panic("an audit event does not encode: " + err.Error())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.file.Write(append(line, '\n')); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver: audit:", err)
	}
}
