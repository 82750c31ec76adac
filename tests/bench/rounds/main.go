// Kills nodes in an API server, in one of two ways, and measures how long it takes until the Node
// is gone.
//
//	rounds URL CA-FILE TOKEN
//
// It reads orders from standard input, one JSON object a line, and answers each with a line:
//
//   - {"plan": ...} sends the plan's requests over one HTTP/2 connection, as plan.go says;
//   - {"panic": ...} sends a datagram, and somebody else does the rest.
//
// With "until" the time ends when a watch of nodes shows that Node's DELETED event: both ways are
// measured by one clock at the same two points. TOKEN is that watch's.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"
)

type order struct {
	Plan  *plan     `json:"plan"`
	Panic *datagram `json:"panic"`
	Until string    `json:"until"` // a Node's name
}

type datagram struct {
	From string `json:"from"` // ADDR
	To   string `json:"to"`   // ADDR:PORT
	Data []byte `json:"data"`
}

type answer struct {
	Began float64 `json:"began"` // seconds since the epoch
	Ms    float64 `json:"ms"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: rounds URL CA-FILE TOKEN")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "rounds:", err)
		os.Exit(1)
	}
}

func run(url, authority, token string) error {
	s, err := newServer(url, authority)
	if err != nil {
		return err
	}
	deleted, err := s.watchNodes(token)
	if err != nil {
		return err
	}
	orders := json.NewDecoder(bufio.NewReader(os.Stdin))
	for orders.More() {
		var o order
		if err := orders.Decode(&o); err != nil {
			return err
		}
		a, err := o.obey(s, deleted)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
	return nil
}

func (o *order) obey(s *server, deleted <-chan deletion) (*answer, error) {
	began := time.Now()
	var err error
	if o.Plan != nil {
		err = s.carryOut(o.Plan)
	} else {
		err = o.Panic.send()
	}
	if err != nil {
		return nil, err
	}
	ended := time.Now()
	if o.Until != "" {
		if ended, err = waitFor(o.Until, deleted); err != nil {
			return nil, err
		}
	}
	return &answer{float64(began.UnixNano()) / 1e9, ended.Sub(began).Seconds() * 1000}, nil
}

func (d *datagram) send() error {
	to, err := net.ResolveUDPAddr("udp", d.To)
	if err != nil {
		return err
	}
	kernel, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(d.From)}, to)
	if err != nil {
		return err
	}
	defer kernel.Close()
	_, err = kernel.Write(d.Data)
	return err
}
