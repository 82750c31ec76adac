// The Nodes as a controller written with client-go holds them: an informer with an index by address,
// trimmed to name, uid, boot and addresses.
//
//	informer KUBECONFIG
//
// It prints how many there are when it has all Nodes, and stays until it is killed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	check(err)
	api, err := client.NewForConfig(config)
	check(err)
	nodes := cache.NewListWatchFromClient(api.RESTClient(), "nodes", meta.NamespaceAll, fields.Everything())
	informer := cache.NewSharedIndexInformer(nodes, &core.Node{}, 0, cache.Indexers{"address": addresses})
	check(informer.SetTransform(trim))
	ctx := context.Background()
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		log.Fatal("not synced")
	}
	fmt.Println(len(informer.GetStore().ListKeys()))
	<-ctx.Done()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func trim(obj any) (any, error) {
	node, ok := obj.(*core.Node)
	if !ok { // what is said of a Node that is gone already
		return obj, nil
	}
	return &core.Node{
		ObjectMeta: meta.ObjectMeta{Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion},
		Status: core.NodeStatus{Addresses: node.Status.Addresses,
			NodeInfo: core.NodeSystemInfo{BootID: node.Status.NodeInfo.BootID}},
	}, nil
}

func addresses(obj any) ([]string, error) {
	var found []string
	for _, address := range obj.(*core.Node).Status.Addresses {
		found = append(found, address.Address)
	}
	return found, nil
}
