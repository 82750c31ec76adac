package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// How long no Node may go before the rest are given up.
const patience = 20 * time.Second

// More Nodes than any order kills: the watch is read while a plan is carried out.
const deletionsMost = 4096

// server is one HTTP/2 connection for plans; the watch has another.
type server struct {
	url  string
	tls  *tls.Config
	http *http.Client
}

func newServer(url, authority string) (*server, error) {
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate", authority)
	}
	s := &server{url: url, tls: &tls.Config{RootCAs: pool}}
	s.http = s.connection()
	return s, nil
}

func (s *server) connection() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: s.tls, ForceAttemptHTTP2: true, MaxConnsPerHost: 1,
		DisableCompression: true}} // lastgasp asks for none, and the server zips slowly
}

// request is as the audit log has it, with "@node@" and "@pods@" where a resourceVersion stands.
type request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Type   string `json:"type"`
	Body   string `json:"body"`
	Keeps  string `json:"keeps"` // the placeholder that the answer's resourceVersion is for
}

// send returns the answer's resourceVersion if the request keeps it.
func (s *server) send(r request, token string, placeholders *strings.Replacer) (string, error) {
	body := strings.NewReader(placeholders.Replace(r.Body))
	q, err := http.NewRequest(r.Method, s.url+placeholders.Replace(r.Path), body)
	if err != nil {
		return "", err
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Accept", "application/json")
	if r.Type != "" {
		q.Header.Set("Content-Type", r.Type)
	}
	response, err := s.http.Do(q)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode > 299 || response.ProtoMajor != 2 {
		return "", fmt.Errorf("%s %s: %s %s: %.300s", r.Method, r.Path, response.Proto, response.Status, answer)
	}
	if r.Keeps == "" {
		return "", nil
	}
	return versionIn(answer)
}

// versionIn finds the object's resourceVersion: none stands before it in the JSON of a server.
func versionIn(object []byte) (string, error) {
	_, rest, found := bytes.Cut(object, []byte(`"resourceVersion":"`))
	version, _, closed := bytes.Cut(rest, []byte(`"`))
	if !found || !closed {
		return "", fmt.Errorf("no resourceVersion in %.300s", object)
	}
	return string(version), nil
}

// deletion of a Node, as a watch has shown it.
type deletion struct {
	name string
	at   time.Time
	err  error // the watch has ended
}

func (s *server) watchNodes(token string) (<-chan deletion, error) {
	q, err := http.NewRequest("GET", s.url+"/api/v1/nodes?watch=1&timeoutSeconds=86400", nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+token)
	response, err := s.connection().Do(q)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("watching nodes: %s", response.Status)
	}
	deleted := make(chan deletion, deletionsMost)
	go follow(json.NewDecoder(response.Body), deleted)
	return deleted, nil
}

func follow(events *json.Decoder, deleted chan<- deletion) {
	for {
		var event struct {
			Type   string
			Object struct{ Metadata struct{ Name string } }
		}
		err := events.Decode(&event)
		if err != nil || event.Type == "DELETED" {
			deleted <- deletion{event.Object.Metadata.Name, time.Now(), err}
		}
		if err != nil {
			return
		}
	}
}

// waitFor returns when each of NAMES was deleted, without those that have been given up.
func waitFor(names []string, deleted <-chan deletion) (map[string]time.Time, error) {
	waited, gone := map[string]bool{}, map[string]time.Time{}
	for _, name := range names {
		waited[name] = true
	}
	for len(waited) > 0 {
		select {
		case d := <-deleted:
			if d.err != nil {
				return nil, fmt.Errorf("the watch of nodes: %w", d.err)
			}
			if waited[d.name] {
				delete(waited, d.name)
				gone[d.name] = d.at
			}
		case <-time.After(patience):
			return gone, nil
		}
	}
	return gone, nil
}
