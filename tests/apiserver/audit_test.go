package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheAuditLogTellsWhoDidWhat(t *testing.T) {
	s := newTestServer(t)
	s.loadPod("p", "")
	file, err := os.Create(filepath.Join(t.TempDir(), "audit"))
	if err != nil {
		t.Fatal(err)
	}
	s.audit.file = file
	s.as("b", "PATCH", pods+"/p/status?fieldManager=x", strategicPatch, `{"status":{"phase":"Failed"}}`)
	raw, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	line := answered{body: decode(t, strings.TrimSpace(string(raw)))}
	for _, c := range []struct {
		want string
		path []string
	}{
		{"Event", []string{"kind"}}, {"audit.k8s.io/v1", []string{"apiVersion"}}, {"ResponseComplete", []string{"stage"}},
		{pods + "/p/status?fieldManager=x", []string{"requestURI"}}, {"patch", []string{"verb"}},
		{"actuator", []string{"user", "username"}}, {"pods", []string{"objectRef", "resource"}},
		{"status", []string{"objectRef", "subresource"}}, {"default", []string{"objectRef", "namespace"}},
		{"p", []string{"objectRef", "name"}}, {"v1", []string{"objectRef", "apiVersion"}},
		{"200", []string{"responseStatus", "code"}}, {"Failed", []string{"requestObject", "status", "phase"}},
	} {
		equal(t, strings.Join(c.path, "."), line.text(c.path...), c.want)
	}
	for _, field := range []string{"requestReceivedTimestamp", "stageTimestamp"} {
		if _, err := time.Parse(microTime, line.text(field)); err != nil {
			t.Fatal(err)
		}
	}
}
