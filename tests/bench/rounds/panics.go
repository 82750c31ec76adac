package main

import (
	"net"
	"os"
	"sort"
	"syscall"
	"time"
)

// panics are kernels that die at once: each sends its datagrams in order and evenly over the time; of
// all of them those that are due first go first. Where this machine cannot send so fast it takes
// longer.
type panics struct {
	To      string   `json:"to"` // ADDR:PORT
	Kernels []kernel `json:"kernels"`
	OverMs  float64  `json:"overMs"`
}

type kernel struct {
	From string   `json:"from"` // ADDR
	Data [][]byte `json:"data"`
}

type datagram struct {
	due  time.Duration
	from *net.UDPConn
	data []byte
}

func (p *panics) ready() (func() error, error) {
	to, err := net.ResolveUDPAddr("udp", p.To)
	if err != nil {
		return nil, err
	}
	over := time.Duration(p.OverMs * float64(time.Millisecond))
	var all []datagram
	for _, k := range p.Kernels {
		from, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(k.From)}, to)
		if err != nil {
			return nil, err
		}
		for i, data := range k.Data {
			all = append(all, datagram{over * time.Duration(i) / time.Duration(len(k.Data)), from, data})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].due < all[j].due })
	return func() error { return sendAll(all) }, nil
}

func sendAll(all []datagram) error {
	began := time.Now()
	for _, d := range all {
		if early := d.due - time.Since(began); early > time.Millisecond {
			time.Sleep(early)
		}
		if _, err := d.from.Write(d.data); err != nil {
			return err
		}
	}
	for _, d := range all {
		d.from.Close() // again and again does no harm
	}
	return nil
}

// syncing writes a page as a database that commits would.
func syncing(path string) (func() error, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return func() error {
		defer file.Close()
		if _, err := file.Write(make([]byte, 4096)); err != nil {
			return err
		}
		return syscall.Fdatasync(int(file.Fd()))
	}, nil
}
