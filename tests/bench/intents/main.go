// Measures the time from a datagram with a panic line to its intent.
//
//	intents SOCKET
//
// It plays the actuator at SOCKET and the panicking kernels, so that one clock
// sees both ends: it is read before sendto() and after recvfrom(), both blocking
// system calls of one thread. What Go adds is its bookkeeping around a system
// call, below 1 us, and its scheduler now and then.
//
// Once a correlator has connected it prints "connected", then reads jobs from
// standard input, one JSON object a line, and answers each with a line that has
// the microseconds of every panic.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// job is one panic of each node, one after the other.
type job struct {
	Listener string   `json:"listener"` // ADDR:PORT
	Nodes    []node   `json:"nodes"`
	Before   [][]byte `json:"before"`  // sent ahead of the panic line
	GapUs    int      `json:"gapUs"`   // at least, after each of those
	Panic    []byte   `json:"panic"`   // none: the intent itself is sent, for programs that only copy
	After    [][]byte `json:"after"`   // sent when the intent has come
	PauseUs  int      `json:"pauseUs"` // after each panic
}

type node struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

func main() {
	runtime.LockOSThread()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: intents SOCKET")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "intents:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	stage, err := accept(path)
	if err != nil {
		return err
	}
	fmt.Println("connected")
	jobs := json.NewDecoder(bufio.NewReader(os.Stdin))
	for jobs.More() {
		var j job
		if err := jobs.Decode(&j); err != nil {
			return err
		}
		took, err := j.run(stage)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(took); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) run(stage *actuator) ([]float64, error) {
	took := []float64{}
	for _, n := range j.Nodes {
		kernel, err := newKernel(n.Address, j.Listener)
		if err != nil {
			return nil, err
		}
		us, err := j.panicOf(n, kernel, stage)
		kernel.close()
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.Name, err)
		}
		took = append(took, us)
		pause(j.PauseUs)
	}
	return took, nil
}

func (j *job) panicOf(n node, kernel *kernel, stage *actuator) (float64, error) {
	for _, datagram := range j.Before {
		if err := kernel.send(datagram); err != nil {
			return 0, err
		}
		pause(j.GapUs)
	}
	last := j.Panic
	if last == nil {
		last = intentOf(n.Name)
	}
	began := time.Now()
	if err := kernel.send(last); err != nil {
		return 0, err
	}
	came, err := stage.waitFor(n.Name, j.Panic != nil)
	if err != nil {
		return 0, err
	}
	return float64(came.Sub(began).Nanoseconds()) / 1000, kernel.send(j.After...)
}

// pause is the system call itself: Go's own timers come up to 1 ms late.
func pause(us int) {
	if us > 0 {
		length := syscall.NsecToTimespec(int64(us) * 1000)
		syscall.Nanosleep(&length, nil)
	}
}
