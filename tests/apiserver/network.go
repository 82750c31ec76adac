package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// network is the port of the server, which can fall silent (connections stay
// open, nothing is read or written) and go away (port closed, connections cut).
type network struct {
	mu       sync.Mutex
	address  string
	listener net.Listener // nil while away
	conns    map[*conn]bool
	silent   chan struct{} // closed when not silent
	counters *counters
	serve    func(net.Listener) error
	failed   chan error
}

func newNetwork(address string, counters *counters) *network {
	n := &network{address: address, conns: map[*conn]bool{}, counters: counters,
		silent: make(chan struct{}), failed: make(chan error, 1)}
	close(n.silent)
	return n
}

// open listens, on the port of the first time, and serves.
func (n *network) open() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", n.address)
	if err != nil {
		return err
	}
	n.address, n.listener = l.Addr().String(), l
	go func() {
		err := n.serve(&listener{l, n})
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.listener == l {
			n.failed <- err
		}
	}()
	return nil
}

func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listener == nil {
		return
	}
	l := n.listener
	n.listener = nil
	l.Close()
	for c := range n.conns {
		c.Conn.Close()
	}
}

func (n *network) setSilent(silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.silent:
		if silent {
			n.silent = make(chan struct{})
		}
	default:
		if !silent {
			close(n.silent)
		}
	}
}

// pass waits while the server is silent.
func (n *network) pass() {
	n.mu.Lock()
	silent := n.silent
	n.mu.Unlock()
	<-silent
}

type listener struct {
	net.Listener
	network *network
}

func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.network.pass()
	c := &conn{inner, l.network}
	l.network.counters.connected()
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.network.conns[c] = true
	return c, nil
}

type conn struct {
	net.Conn
	network *network
}

// Read holds back what arrived just before the silence as well.
func (c *conn) Read(b []byte) (int, error) {
	c.network.pass()
	read, err := c.Conn.Read(b)
	c.network.pass()
	return read, err
}

func (c *conn) Write(b []byte) (int, error) {
	c.network.pass()
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

type connKey struct{}

func rememberConn(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// resetConnection cuts the request's connection with a TCP RST.
func resetConnection(r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

const maxStreams = 100 // what a real server allows a connection

func newHTTPServer(handler http.Handler, config *tls.Config) *http.Server {
	s := &http.Server{Handler: handler, TLSConfig: config, ConnContext: rememberConn,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ReadHeaderTimeout: time.Minute}
	if config == nil {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetUnencryptedHTTP2(true)
	}
	return s
}
