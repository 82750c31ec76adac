package main

import "strings"

// plan is requests in the order in which they depend on each other. A stage begins when all of the
// stage before it is answered; the chains of a stage do not wait for each other, a chain's requests
// do. Tells may be sent from stage TellsFrom on, when nothing of a chain can be.
type plan struct {
	Token     string    `json:"token"`
	Stages    [][]chain `json:"stages"`
	Tells     []request `json:"tells"`
	TellsFrom int       `json:"tellsFrom"`
}

type chain []request

// flight is a plan that is being carried out.
type flight struct {
	plan     *plan
	begun    int     // stages
	chains   []chain // whose first request may be sent
	chainOut int     // requests of chains in flight
	tells    []request
	versions map[string]string // of "@node@" and "@pods@"
}

// traffic is flights that share a connection and a window: of what can be sent that of the oldest
// goes first, tells after all chains, as the actuator has it.
type traffic struct {
	server  *server
	window  int
	flights []*flight // oldest first
	out     int       // requests in flight
	landed  chan landing
}

type landing struct {
	flight  *flight
	of      request
	rest    chain
	tell    bool
	version string
	err     error
}

func (s *server) carryOut(plans []*plan, window int) error {
	t := &traffic{server: s, window: window, landed: make(chan landing, window)}
	for _, p := range plans {
		f := &flight{plan: p, versions: map[string]string{}}
		f.advance()
		t.flights = append(t.flights, f)
	}
	for {
		t.fill()
		if t.out == 0 {
			return nil
		}
		if err := t.take(<-t.landed); err != nil {
			return err
		}
	}
}

// advance begins the next stage when all of the last one is answered.
func (f *flight) advance() {
	for len(f.chains)+f.chainOut == 0 && f.begun < len(f.plan.Stages) {
		if f.begun == f.plan.TellsFrom {
			f.tells = f.plan.Tells
		}
		f.chains = append(f.chains, f.plan.Stages[f.begun]...)
		f.begun++
	}
}

func (f *flight) isOver() bool {
	return f.begun == len(f.plan.Stages) && len(f.chains)+f.chainOut+len(f.tells) == 0
}

// fill sends what the window has room for.
func (t *traffic) fill() {
	for len(t.flights) > 0 && t.flights[0].isOver() {
		t.flights = t.flights[1:]
	}
	for i := 0; i < len(t.flights) && t.out < t.window; i++ {
		f := t.flights[i]
		for t.out < t.window && len(f.chains) > 0 {
			next := f.chains[0]
			f.chains = f.chains[1:]
			f.chainOut++
			t.launch(landing{flight: f, of: next[0], rest: next[1:]})
		}
	}
	for i := 0; i < len(t.flights) && t.out < t.window; i++ {
		f := t.flights[i]
		for t.out < t.window && len(f.tells) > 0 {
			next := f.tells[0]
			f.tells = f.tells[1:]
			t.launch(landing{flight: f, of: next, tell: true})
		}
	}
}

func (t *traffic) launch(l landing) {
	t.out++
	versions := l.flight.versions
	placeholders := strings.NewReplacer("@node@", versions["@node@"], "@pods@", versions["@pods@"])
	go func() {
		l.version, l.err = t.server.send(l.of, l.flight.plan.Token, placeholders)
		t.landed <- l
	}()
}

// take puts a chain that goes on before those that have not begun, as the actuator does.
func (t *traffic) take(l landing) error {
	f := l.flight
	t.out--
	if !l.tell {
		f.chainOut--
	}
	if len(l.rest) > 0 {
		f.chains = append([]chain{l.rest}, f.chains...)
	}
	if l.of.Keeps != "" && isNewer(l.version, f.versions[l.of.Keeps]) {
		f.versions[l.of.Keeps] = l.version
	}
	f.advance()
	return l.err
}

// isNewer compares resourceVersions as the numbers that they are.
func isNewer(version, than string) bool {
	return len(version) > len(than) || len(version) == len(than) && version > than
}
