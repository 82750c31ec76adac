// etcd, as its own main package builds it: in a module of ours, so that one go.sum pins all three.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
