package main

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// authenticator knows who makes a request, by a bearer token of the token file
// or by a client certificate that our CA signed.
type authenticator struct {
	mu     sync.Mutex
	path   string
	read   time.Time // modification time of what was read
	size   int64
	tokens map[string]string // token -> user
	pki    *pki              // nil when serving plain http
}

// user is the name of who asks, or "".
func (a *authenticator) user(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return a.byToken(strings.TrimSpace(token))
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return a.byCertificate(r.TLS.PeerCertificates[0])
}

func (a *authenticator) byToken(token string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.reload(); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver: tokens:", err)
	}
	return a.tokens[token]
}

// reload reads the file again when it has changed; lines are "token,user".
func (a *authenticator) reload() error {
	info, err := os.Stat(a.path)
	if err != nil {
		return err
	}
	if info.ModTime().Equal(a.read) && info.Size() == a.size {
		return nil
	}
	text, err := os.ReadFile(a.path)
	if err != nil {
		return err
	}
	a.tokens = map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if token, user, ok := strings.Cut(strings.TrimSpace(line), ","); ok {
			a.tokens[token] = user
		}
	}
	a.read, a.size = info.ModTime(), info.Size()
	return nil
}

func (a *authenticator) byCertificate(cert *x509.Certificate) string {
	options := x509.VerifyOptions{Roots: a.pki.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := cert.Verify(options); err != nil {
		return ""
	}
	if a.pki.withdrawn(cert) {
		return ""
	}
	return cert.Subject.CommonName
}

// rights are what each user may do, as lines "verb resource[/subresource]
// [namespace]", where * is any; a user without an entry may do everything.
type rights struct {
	mu    sync.RWMutex
	users map[string][]string
}

func (t *rights) set(users map[string][]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users = users
}

func (t *rights) check(rq *request) *status {
	t.mu.RLock()
	defer t.mu.RUnlock()
	lines, listed := t.users[rq.user]
	if !listed {
		return nil
	}
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) >= 2 && fits(words[0], rq.verb) && fits(words[1], rq.resource()) &&
			(len(words) < 3 || fits(words[2], rq.namespace)) {
			return nil
		}
	}
	return forbidden(rq)
}

func fits(pattern, word string) bool { return pattern == "*" || pattern == word }

func forbidden(rq *request) *status {
	object, scope := rq.kind.qualified(), "at the cluster scope"
	if rq.name != "" {
		object += fmt.Sprintf(" %q", rq.name)
	}
	if rq.namespace != "" {
		scope = fmt.Sprintf("in the namespace %q", rq.namespace)
	}
	return failure(http.StatusForbidden, "%s is forbidden: User %q cannot %s resource %q in API group %q %s",
		object, rq.user, rq.verb, rq.resource(), rq.kind.group, scope).about(rq.kind, rq.name)
}
