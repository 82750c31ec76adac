// Copies from one socket to the next and does nothing else: what two programs between a datagram
// and a SEQPACKET socket take at least, on this machine at this moment.
//
//	hops udp ADDR:PORT SOCKET     each datagram becomes a packet to SOCKET
//	hops packets PATH SOCKET      makes PATH, takes one connection, passes its packets on
//
// It prints "ready" once it can receive.
package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"time"
)

const packetMax = 65536

func main() {
	runtime.LockOSThread()
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: hops udp|packets FROM SOCKET")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "hops:", err)
		os.Exit(1)
	}
}

func run(kind, from, to string) error {
	next, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err != nil {
		return err
	}
	if err := connect(next, to); err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	open := openUDP
	if kind == "packets" {
		open = openPackets
	}
	in, err := open(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return pass(in, next)
}

// connect waits a moment for whoever makes the socket.
func connect(fd int, to string) (err error) {
	for range 500 {
		if err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: to}); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func openUDP(at string) (int, error) {
	address, err := netip.ParseAddrPort(at)
	if err != nil {
		return -1, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return -1, err
	}
	err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())})
	fmt.Println("ready")
	return fd, err
}

func openPackets(path string) (int, error) {
	listening, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err != nil {
		return -1, err
	}
	if err := syscall.Bind(listening, &syscall.SockaddrUnix{Name: path}); err != nil {
		return -1, err
	}
	if err := syscall.Listen(listening, 1); err != nil {
		return -1, err
	}
	fmt.Println("ready")
	fd, _, err := syscall.Accept(listening)
	return fd, err
}

func pass(in, next int) error {
	packet := make([]byte, packetMax)
	for {
		size, _, err := syscall.Recvfrom(in, packet, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || size == 0 {
			return err
		}
		if _, err := syscall.Write(next, packet[:size]); err != nil {
			return err
		}
	}
}
