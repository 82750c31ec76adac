package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// cluster is what POST /generate makes: nodes that look like real ones, their
// Leases, pods on them and the pods' owners.
type cluster struct {
	Nodes       int      `json:"nodes"`
	First       int      `json:"first"`       // number of the first node
	PodsPerNode int      `json:"podsPerNode"` // by turns of each of the owners
	Owners      []string `json:"owners"`
	Prefix      string   `json:"prefix"`    // of node names: PREFIX + number
	Addresses   []string `json:"addresses"` // networks; node N has the Nth address of each
	Size        int      `json:"size"`      // bytes of a Node's JSON, about
	PodSize     int      `json:"podSize"`   // bytes of a Pod's JSON, at least
	Zones       int      `json:"zones"`
	Zone        string   `json:"zone"` // of all of them, in place of as many zones
	Namespace   string   `json:"namespace"`
	KubeletPort int      `json:"kubeletPort"`
	JobTracking bool     `json:"jobTracking"` // Job pods carry the finalizer batch.kubernetes.io/job-tracking

	networks []netip.Prefix
	images   json.RawMessage
	owners   map[string]string // kind + name -> uid
}

func defaultCluster() *cluster {
	return &cluster{Nodes: 3, Prefix: "node-", Addresses: []string{"10.0.0.0/8", "fd00:10::/64"}, Size: 15000,
		Zones: 3, Namespace: "default", KubeletPort: 10250, Owners: []string{"Job", "ReplicaSet", "StatefulSet", "DaemonSet"}}
}

func (c *cluster) generate(s *store) error {
	c.owners = map[string]string{}
	for _, text := range c.Addresses {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return err
		}
		c.networks = append(c.networks, network.Masked())
	}
	bare, err := c.node(0)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(bare)
	if err != nil {
		return err
	}
	c.images = paddingImages(c.Size - len(encoded))
	for i := c.First; i < c.First+c.Nodes; i++ {
		if err := c.generateNode(s, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) generateNode(s *store, i int) error {
	node, err := c.node(i)
	if err != nil {
		return err
	}
	name := c.Prefix + fmt.Sprint(i)
	uid := newUID()
	child(node, "metadata")["uid"] = uid
	if err := s.load(node); err != nil {
		return err
	}
	if err := s.load(nodeLease(name, uid)); err != nil {
		return err
	}
	for p := range c.PodsPerNode {
		if len(c.Owners) == 0 {
			return fmt.Errorf("pods need owners")
		}
		owner := c.Owners[p%len(c.Owners)]
		if err := c.generatePod(s, owner, name, i, p); err != nil {
			return err
		}
	}
	return nil
}

// nth is the address of node i in the network.
func nth(network netip.Prefix, i int) (string, error) {
	bytes := network.Addr().AsSlice()
	carry := i + 1
	for at := len(bytes) - 1; at >= 0 && carry > 0; at-- {
		carry += int(bytes[at])
		bytes[at] = byte(carry)
		carry >>= 8
	}
	address, _ := netip.AddrFromSlice(bytes)
	if !network.Contains(address) {
		return "", fmt.Errorf("%s has no address for node %d", network, i)
	}
	return address.String(), nil
}

func (c *cluster) node(i int) (map[string]any, error) {
	name := c.Prefix + fmt.Sprint(i)
	addresses := []any{}
	for _, network := range c.networks {
		address, err := nth(network, i)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, map[string]any{"type": "InternalIP", "address": address})
	}
	addresses = append(addresses, map[string]any{"type": "Hostname", "address": name})
	zone := c.Zone
	if zone == "" {
		zone = fmt.Sprintf("zone-%c", 'a'+rune(i%max(c.Zones, 1)%26))
	}
	capacity := map[string]any{"cpu": "96", "memory": "791437412Ki", "pods": "110", "ephemeral-storage": "419418092Ki"}
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{
			"name": name,
			"labels": map[string]any{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
				"kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": "m7i.24xlarge",
				"topology.kubernetes.io/zone": zone},
			"annotations": map[string]any{"node.alpha.kubernetes.io/ttl": "0"},
			"managedFields": managedFields("kubelet",
				`{"f:status":{"f:addresses":{},"f:conditions":{},"f:images":{},"f:nodeInfo":{"f:bootID":{}}}}`),
		},
		"spec": map[string]any{"podCIDR": fmt.Sprintf("10.%d.%d.0/24", i>>8&0xff, i&0xff),
			"providerID": fmt.Sprintf("test:///%s/%s", zone, name)},
		"status": map[string]any{
			"addresses": addresses, "capacity": capacity, "allocatable": capacity, "conditions": nodeConditions(),
			"daemonEndpoints": map[string]any{"kubeletEndpoint": map[string]any{"Port": c.KubeletPort}},
			"images":          c.images,
			"nodeInfo":        nodeInfo(),
		},
	}, nil
}

func nodeInfo() map[string]any {
	return map[string]any{"bootID": newUID(), "machineID": strings.ReplaceAll(newUID(), "-", ""), "systemUUID": newUID(),
		"kernelVersion": "6.1.0-40-amd64", "osImage": "Debian GNU/Linux 12 (bookworm)",
		"containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": "v1.36.3", "kubeProxyVersion": "",
		"operatingSystem": "linux", "architecture": "amd64"}
}

func nodeConditions() []any {
	conditions := []any{}
	for _, c := range [][4]string{
		{"MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
		{"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
		{"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
		{"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
	} {
		conditions = append(conditions, map[string]any{"type": c[0], "status": c[1], "reason": c[2], "message": c[3],
			"lastHeartbeatTime": now(), "lastTransitionTime": now()})
	}
	return conditions
}

// paddingImages is a list of images of about so many bytes of JSON.
func paddingImages(size int) json.RawMessage {
	images := []any{}
	for i, used := 0, 0; used < size; i++ {
		digest := strings.ReplaceAll(newUID()+newUID(), "-", "")
		image := map[string]any{"sizeBytes": 100000000 + i, "names": []any{
			fmt.Sprintf("registry.invalid/team-%d/service-%d@sha256:%s", i%7, i, digest),
			fmt.Sprintf("registry.invalid/team-%d/service-%d:v1.%d.0", i%7, i, i)}}
		encoded, err := json.Marshal(image)
		if err != nil {
			panic("an image does not encode: " + err.Error())
		}
		images = append(images, image)
		used += len(encoded) + 1
	}
	encoded, err := json.Marshal(images)
	if err != nil {
		panic("images do not encode: " + err.Error())
	}
	return encoded
}

func nodeLease(node, uid string) map[string]any {
	return map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": map[string]any{"name": node, "namespace": leaseNamespace,
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid}}},
		"spec": map[string]any{"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": nowMicro()},
	}
}

func managedFields(manager, fields string) []any {
	return []any{map[string]any{"manager": manager, "operation": "Update", "apiVersion": "v1", "time": now(),
		"fieldsType": "FieldsV1", "fieldsV1": json.RawMessage(fields), "subresource": "status"}}
}
