// The simulated Kubernetes API server of the tests and of the demo.
//
//	apiserver --dir=DIR [--listen=127.0.0.1:0] [--audit=FILE] [--http]
//	          [--history=10000] [--bookmark-every=60s] [--die-with-parent]
//
// It serves nodes, pods, leases, events and the kinds that own pods, over TLS
// and HTTP/2, with the semantics of kube-apiserver 1.36 that matter to a client:
// resourceVersions, lists in pages, watches, streaming lists, strategic merge
// patches, preconditions, finalizers, dry runs, Status errors, an audit log. It
// prints "ready URL" on standard output once it serves, and ends on SIGTERM.
//
// DIR gets, at the start: ca.crt, server.crt; for each of the users admin,
// correlator and actuator USER.kubeconfig, USER.token, USER.crt and USER.key;
// tokens (lines "TOKEN,USER", read again when the file changes); port; and
// admin.sock, where a test loads objects, makes faults and reads counters: HTTP
// with the routes of admin.go. For instance
//
//	curl --unix-socket DIR/admin.sock -d '{"nodes":100,"podsPerNode":10}' http://admin/generate
//	curl --unix-socket DIR/admin.sock -d '[{"verb":"patch","resource":"pods","action":"status",
//	     "status":429,"retryAfter":1,"count":3}]' http://admin/faults
//	curl --cacert DIR/ca.crt -H "Authorization: Bearer $(cat DIR/admin.token)" URL/api/v1/nodes
//
// It differs from a real server on purpose: objects are not typed, so unknown
// fields are kept; a created pod keeps its status; nothing runs in it but the
// API (no garbage collection, no controllers, no scheduler); managedFields are
// kept as they are; label selectors know equality only.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

type flags struct {
	dir, listen, audit  string
	http, dieWithParent bool
	history             int
	bookmarkEvery       time.Duration
}

func parseFlags() *flags {
	f := &flags{}
	flag.StringVar(&f.dir, "dir", "", "directory for certificates, kubeconfigs and the admin socket")
	flag.StringVar(&f.listen, "listen", "127.0.0.1:0", "address and port of the API")
	flag.StringVar(&f.audit, "audit", "", "file for the audit log")
	flag.BoolVar(&f.http, "http", false, "serve plain HTTP (1.1 and 2)")
	flag.BoolVar(&f.dieWithParent, "die-with-parent", false, "end when the thread that started this ends")
	flag.IntVar(&f.history, "history", 10000, "changes of a kind that a watch can go back")
	flag.DurationVar(&f.bookmarkEvery, "bookmark-every", time.Minute, "time between two bookmarks of a watch")
	flag.Parse()
	if f.dir == "" || f.history < 1 || f.bookmarkEvery <= 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	return f
}

// The death signal is asked for by a thread and forgotten with it.
func init() { runtime.LockOSThread() }

func main() {
	f := parseFlags()
	if err := run(f); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(f *flags) error {
	if f.dieWithParent {
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
		if errno != 0 {
			return errno
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	tokens, err := writeTokens(dir)
	if err != nil {
		return err
	}
	v := newServer(f.history, f.bookmarkEvery)
	v.auth = &authenticator{path: filepath.Join(dir, "tokens")}
	if f.audit != "" {
		v.audit.file, err = os.OpenFile(f.audit, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return err
		}
	}
	n, scheme, err := startNetwork(f, dir, v)
	if err != nil {
		return err
	}
	url := scheme + "://" + n.address
	if err := writeKubeconfigs(dir, url, tokens); err != nil {
		return err
	}
	port := n.address[strings.LastIndex(n.address, ":")+1:]
	if err := writeFile(filepath.Join(dir, "port"), []byte(port+"\n"), 0o644); err != nil {
		return err
	}
	a := &admin{v, n, v.auth.pki, newTasks()}
	if err := a.listen(dir); err != nil {
		return err
	}
	fmt.Println("ready", url)
	select {
	case err := <-n.failed:
		return err
	case <-stop:
		return nil
	}
}

// startNetwork opens the port, with certificates unless plain HTTP is wanted.
func startNetwork(f *flags, dir string, v *server) (n *network, scheme string, err error) {
	n = newNetwork(f.listen, v.counters)
	if f.http {
		n.serve = newHTTPServer(v, nil).Serve
		return n, "http", n.open()
	}
	if v.auth.pki, err = newPKI(dir, roles); err != nil {
		return nil, "", err
	}
	secure := newHTTPServer(v, v.auth.pki.config())
	n.serve = func(l net.Listener) error { return secure.ServeTLS(l, "", "") }
	return n, "https", n.open()
}
