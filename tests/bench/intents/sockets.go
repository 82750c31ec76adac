package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

const (
	packetMax   = 65536
	waitSeconds = 10
)

// kernel sends from one node's address.
type kernel struct {
	fd int
	to syscall.SockaddrInet4
}

func newKernel(from, to string) (*kernel, error) {
	source, err := netip.ParseAddr(from)
	if err != nil {
		return nil, err
	}
	target, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return nil, err
	}
	k := &kernel{fd, syscall.SockaddrInet4{Addr: target.Addr().As4(), Port: int(target.Port())}}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: source.As4()}); err != nil {
		k.close()
		return nil, fmt.Errorf("binding to %s: %w", from, err)
	}
	return k, nil
}

func (k *kernel) send(datagrams ...[]byte) error {
	for _, datagram := range datagrams {
		if err := syscall.Sendto(k.fd, datagram, 0, &k.to); err != nil {
			return fmt.Errorf("sendto: %w", err)
		}
	}
	return nil
}

func (k *kernel) close() { syscall.Close(k.fd) }

// actuator is our end of the correlator's connection.
type actuator struct {
	fd     int
	packet []byte
}

// record has what we use of the records that a correlator sends.
type record struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	Of   string `json:"of,omitempty"`
	ID   string `json:"id,omitempty"`
	Node string `json:"node,omitempty"`
}

// accept makes the socket and returns when somebody has connected.
func accept(path string) (*actuator, error) {
	listening, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(listening)
	if err := syscall.Bind(listening, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := syscall.Listen(listening, 1); err != nil {
		return nil, err
	}
	fd, _, err := syscall.Accept(listening)
	if err != nil {
		return nil, err
	}
	limit := syscall.Timeval{Sec: waitSeconds}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit); err != nil {
		return nil, err
	}
	return &actuator{fd, make([]byte, packetMax)}, nil
}

func (a *actuator) write(line string) error {
	_, err := syscall.Write(a.fd, append([]byte(line), '\n'))
	return err
}

// intentOf has only what waitFor looks at.
func intentOf(node string) []byte {
	return []byte(`{"v":1,"type":"intent","id":"bare","node":"` + node + `"}` + "\n")
}

// waitFor returns the time at which the packet with the intent for that node came.
func (a *actuator) waitFor(node string, acknowledge bool) (time.Time, error) {
	for {
		size, _, err := syscall.Recvfrom(a.fd, a.packet, 0)
		came := time.Now()
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return came, fmt.Errorf("no intent within %d s: %w", waitSeconds, err)
		}
		if size == 0 {
			return came, fmt.Errorf("the correlator has closed the connection")
		}
		for line := range bytes.Lines(a.packet[:size]) {
			found, err := a.isIntentFor(node, line, acknowledge)
			if err != nil || found {
				return came, err
			}
		}
	}
}

func (a *actuator) isIntentFor(node string, line []byte, acknowledge bool) (bool, error) {
	var r record
	if err := json.Unmarshal(line, &r); err != nil || r.Type != "intent" {
		return false, err
	}
	if !acknowledge {
		return r.Node == node, nil
	}
	acknowledgement, err := json.Marshal(record{V: 1, Type: "ack", Of: "intent", ID: r.ID})
	if err != nil {
		return false, err
	}
	return r.Node == node, a.write(string(acknowledgement))
}
