package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tlsServer is a whole server on a port, and a client of the user actuator.
type tlsServer struct {
	*testServer
	network *network
	pki     *pki
	url     string
	dir     string
}

func newTLSServer(t *testing.T) *tlsServer {
	s := newTestServer(t)
	dir := t.TempDir()
	n, _, err := startNetwork(&flags{listen: "127.0.0.1:0"}, dir, s.server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.setSilent(false)
		n.close()
	})
	s.loadNode("n1")
	return &tlsServer{s, n, s.auth.pki, "https://" + n.address, dir}
}

func (s *tlsServer) client(http2 bool, certificates ...tls.Certificate) *http.Client {
	transport := &http.Transport{ForceAttemptHTTP2: http2,
		TLSClientConfig: &tls.Config{RootCAs: s.pki.roots, Certificates: certificates, ServerName: serverName}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}
}

func (s *tlsServer) do(c *http.Client, method, path, body string) (*http.Response, string, error) {
	r, _ := http.NewRequest(method, s.url+path, bytes.NewBufferString(body))
	r.Header.Set("Authorization", "Bearer b")
	r.Header.Set("Content-Type", strategicPatch)
	answer, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

func (s *tlsServer) fault(f *fault) {
	s.t.Helper()
	s.faults.clear()
	if err := s.faults.add([]*fault{f}); err != nil {
		s.t.Fatal(err)
	}
}

// both runs a test over HTTP/1.1 and over HTTP/2.
func both(t *testing.T, test func(t *testing.T, s *tlsServer, c *http.Client)) {
	for _, http2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP1", true: "HTTP2"}[http2], func(t *testing.T) {
			s := newTLSServer(t)
			c := s.client(http2)
			answer, _, err := s.do(c, "GET", nodes, "")
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "HTTP/2", answer.ProtoMajor == 2, http2)
			test(t, s, c)
		})
	}
}

func TestAFaultAnswersAsOftenAsItShould(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		s.fault(&fault{Verb: "patch", Resource: "^nodes$", Name: "^n1$", User: "actuator", Action: "status",
			Status: 429, RetryAfter: 7, Count: 2})
		for _, want := range []int{429, 429, 200} {
			answer, text, err := s.do(c, "PATCH", nodes+"/n1", "{}")
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "code", answer.StatusCode, want)
			equal(t, "Retry-After", answer.Header.Get("Retry-After"), map[int]string{429: "7", 200: ""}[want])
			equal(t, "reason", strings.Contains(text, `"reason":"TooManyRequests"`), want == 429)
		}
		equal(t, "hits", s.faults.list()[0].Hits, 2)
	})
}

func TestAResetBeforeOrAfterTheEffect(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		for _, after := range []bool{false, true} {
			s.fault(&fault{Verb: "delete", Action: "reset", After: after, Count: 1})
			_, _, err := s.do(c, "DELETE", nodes+"/n1", "")
			if h2 := c.Transport.(*http.Transport).ForceAttemptHTTP2; h2 && err == nil {
				t.Fatal("the request was answered") // Go hides from an HTTP/2 client what failed
			} else if !h2 && !errors.Is(err, syscall.ECONNRESET) {
				t.Fatalf("error %v, want a reset", err)
			}
			equal(t, "the Node is gone", s.store.get(nodeKind, "", "n1") == nil, after)
		}
	})
}

func TestACutBody(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		s.fault(&fault{Verb: "list", Action: "cut", Bytes: 50})
		_, text, err := s.do(c, "GET", nodes, "")
		equal(t, "failed", err != nil, true)
		equal(t, "bytes", len(text), 50)
	})
}

func TestASlowBodyAndADelay(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		for _, f := range []*fault{
			{Action: "slow", Bytes: 1000}, {Action: "delay", Delay: 0.2}, {Action: "delay", After: true, Delay: 0.2},
		} {
			s.fault(f)
			started := time.Now()
			if _, _, err := s.do(c, "GET", nodes+"/n1", ""); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(started); took < 150*time.Millisecond {
				t.Fatalf("%s took %s", f.Action, took)
			}
		}
	})
}

func TestAHangingRequestLeavesTheOthersAlone(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		s.fault(&fault{Verb: "patch", Action: "hang"})
		ended := make(chan error)
		go func() {
			_, _, err := s.do(c, "PATCH", nodes+"/n1", "{}")
			ended <- err
		}()
		if _, _, err := s.do(c, "GET", nodes, ""); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			t.Fatalf("the request ended: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		s.faults.clear()
		if err := <-ended; err == nil {
			t.Fatal("a request that hung was answered")
		}
	})
}

func TestAPercentageIsTheSameForTheSameSeed(t *testing.T) {
	s := newTLSServer(t)
	run := func() (codes []int) {
		s.fault(&fault{Action: "status", Status: 500, Percent: 30, Seed: 4})
		for range 100 {
			codes = append(codes, s.as("b", "GET", nodes+"/n1", "", "").code)
		}
		return codes
	}
	first, second := run(), run()
	failed := 0
	for i := range first {
		equal(t, "code", first[i], second[i])
		if first[i] == 500 {
			failed++
		}
	}
	if failed < 15 || failed > 45 {
		t.Fatalf("%d of 100 failed", failed)
	}
}

func TestRulesLeaveTheTestItselfAlone(t *testing.T) {
	s := newTLSServer(t)
	s.fault(&fault{Action: "status", Status: 500})
	s.expect(s.as("b", "GET", nodes, "", ""), 500, "InternalError")
	s.expect(s.as("a", "GET", nodes, "", ""), 200, "")
}

func TestASilentServerAnswersLater(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		s.network.setSilent(true)
		ended := make(chan error)
		go func() {
			_, _, err := s.do(c, "GET", nodes, "")
			ended <- err
		}()
		select {
		case err := <-ended:
			t.Fatalf("the request ended: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
		s.network.setSilent(false)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

func TestAServerThatWasAwayHasTheSamePort(t *testing.T) {
	both(t, func(t *testing.T, s *tlsServer, c *http.Client) {
		s.network.close()
		if _, err := net.Dial("tcp", s.network.address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("connecting gives %v", err)
		}
		if err := s.network.open(); err != nil {
			t.Fatal(err)
		}
		c.CloseIdleConnections()
		if _, _, err := s.do(c, "GET", nodes, ""); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClientCertificates(t *testing.T) {
	s := newTLSServer(t)
	load := func() tls.Certificate {
		cert, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "actuator.crt"), filepath.Join(s.dir, "actuator.key"))
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	get := func(cert tls.Certificate) int {
		answer, err := s.client(true, cert).Get(s.url + nodes)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	old := load()
	equal(t, "code", get(old), 200)
	if err := s.pki.rotateClients(roles); err != nil {
		t.Fatal(err)
	}
	equal(t, "code of the old one", get(old), 401)
	equal(t, "code of the new one", get(load()), 200)
	other, err := newPKI(t.TempDir(), roles)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := other.issue("actuator", other.template("actuator"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "code of a stranger's", get(*stranger), 401)
}

func TestTheServerCertificateRotates(t *testing.T) {
	s := newTLSServer(t)
	serial := func() string {
		c, err := tls.Dial("tcp", s.network.address, &tls.Config{RootCAs: s.pki.roots, ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	if err := s.pki.rotateServer(); err != nil {
		t.Fatal(err)
	}
	equal(t, "another serial", serial() != before, true)
}
