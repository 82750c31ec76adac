package main

import "strings"

// plan is requests in the order in which they depend on each other. A stage begins when all of the
// stage before it is answered; the chains of a stage do not wait for each other, a chain's requests
// do. Tells may be sent from stage TellsFrom on, when nothing of a chain can be.
type plan struct {
	Token     string    `json:"token"`
	Window    int       `json:"window"` // requests in flight
	Stages    [][]chain `json:"stages"`
	Tells     []request `json:"tells"`
	TellsFrom int       `json:"tellsFrom"`
}

type chain []request

// flight is a plan that is being carried out.
type flight struct {
	server   *server
	plan     *plan
	chains   []chain // whose first request may be sent
	tells    []request
	out      int // requests in flight
	chainOut int // those of chains
	landed   chan landing
	versions map[string]string // of "@node@" and "@pods@"
}

type landing struct {
	of      request
	rest    chain
	tell    bool
	version string
	err     error
}

func (s *server) carryOut(p *plan) error {
	f := &flight{server: s, plan: p, landed: make(chan landing, p.Window), versions: map[string]string{}}
	for i, stage := range p.Stages {
		if i == p.TellsFrom {
			f.tells = p.Tells
		}
		f.chains = append(f.chains, stage...)
		for len(f.chains)+f.chainOut > 0 {
			if err := f.turn(); err != nil {
				return err
			}
		}
	}
	for len(f.tells)+f.out > 0 {
		if err := f.turn(); err != nil {
			return err
		}
	}
	return nil
}

// turn sends what the window has room for and takes one answer.
func (f *flight) turn() error {
	for f.out < f.plan.Window && len(f.chains) > 0 {
		next := f.chains[0]
		f.chains = f.chains[1:]
		f.chainOut++
		f.launch(landing{of: next[0], rest: next[1:]})
	}
	for f.out < f.plan.Window && len(f.tells) > 0 {
		next := f.tells[0]
		f.tells = f.tells[1:]
		f.launch(landing{of: next, tell: true})
	}
	return f.take(<-f.landed)
}

func (f *flight) launch(l landing) {
	f.out++
	placeholders := strings.NewReplacer("@node@", f.versions["@node@"], "@pods@", f.versions["@pods@"])
	go func() {
		l.version, l.err = f.server.send(l.of, f.plan.Token, placeholders)
		f.landed <- l
	}()
}

// take puts a chain that goes on before those that have not begun, as the actuator does.
func (f *flight) take(l landing) error {
	f.out--
	if !l.tell {
		f.chainOut--
	}
	if len(l.rest) > 0 {
		f.chains = append([]chain{l.rest}, f.chains...)
	}
	if l.of.Keeps != "" && isNewer(l.version, f.versions[l.of.Keeps]) {
		f.versions[l.of.Keeps] = l.version
	}
	return l.err
}

// isNewer compares resourceVersions as the numbers that they are.
func isNewer(version, than string) bool {
	return len(version) > len(than) || len(version) == len(than) && version > than
}
