package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// owner is an object that makes pods.
type owner struct {
	apiVersion, name string
	labels           map[string]any // of its pods
}

// ownerOf names the owner of a kind for pods of the node with that number: one
// Job for each ten nodes, one of the others for the whole cluster.
func ownerOf(kind string, node int) (owner, error) {
	switch kind {
	case "Job":
		name := fmt.Sprintf("work-%d", node/10)
		return owner{"batch/v1", name, map[string]any{"batch.kubernetes.io/job-name": name, "job-name": name}}, nil
	case "ReplicaSet":
		return owner{"apps/v1", "web-6f4b8d9c57", map[string]any{"app": "web", "pod-template-hash": "6f4b8d9c57"}}, nil
	case "StatefulSet":
		return owner{"apps/v1", "db", map[string]any{"app": "db"}}, nil
	case "DaemonSet":
		return owner{"apps/v1", "agent", map[string]any{"app": "agent"}}, nil
	}
	return owner{}, fmt.Errorf("no pods are made by a %s", kind)
}

// podName is what that kind of controller calls its pods.
func podName(kind string, o owner, node, pod int) string {
	switch kind {
	case "StatefulSet":
		return fmt.Sprintf("%s-%d", o.name, node*1000+pod)
	case "DaemonSet":
		return fmt.Sprintf("%s-%d-%d", o.name, node, pod)
	}
	return fmt.Sprintf("%s-%d-%d-%s", o.name, node, pod, randomSuffix())
}

func (c *cluster) generatePod(s *store, kind, nodeName string, node, pod int) error {
	o, err := ownerOf(kind, node)
	if err != nil {
		return err
	}
	uid, err := c.generateOwner(s, kind, o)
	if err != nil {
		return err
	}
	obj := c.pod(kind, o, uid, nodeName, node, pod)
	if err := c.pad(obj); err != nil {
		return err
	}
	return s.load(obj)
}

// generateOwner loads an owner the first time; a ReplicaSet has a Deployment.
func (c *cluster) generateOwner(s *store, kind string, o owner) (uid string, err error) {
	if uid, ok := c.owners[kind+o.name]; ok {
		return uid, nil
	}
	k := kindByName(o.apiVersion, kind)
	if there := s.get(k, c.Namespace, o.name); there != nil {
		return there.uid, nil
	}
	uid = newUID()
	meta := map[string]any{"name": o.name, "namespace": c.Namespace, "uid": uid}
	if kind == "ReplicaSet" {
		deployment := owner{"apps/v1", o.name[:strings.LastIndex(o.name, "-")], o.labels}
		above, err := c.generateOwner(s, "Deployment", deployment)
		if err != nil {
			return "", err
		}
		meta["ownerReferences"] = []any{reference("Deployment", deployment, above)}
	}
	c.owners[kind+o.name] = uid
	return uid, s.load(map[string]any{"apiVersion": o.apiVersion, "kind": kind, "metadata": meta,
		"spec": map[string]any{"selector": map[string]any{"matchLabels": o.labels}}})
}

func reference(kind string, o owner, uid string) map[string]any {
	return map[string]any{"apiVersion": o.apiVersion, "kind": kind, "name": o.name, "uid": uid,
		"controller": true, "blockOwnerDeletion": true}
}

func (c *cluster) pod(kind string, o owner, uid, nodeName string, node, pod int) map[string]any {
	meta := map[string]any{"name": podName(kind, o, node, pod), "namespace": c.Namespace, "labels": o.labels,
		"ownerReferences": []any{reference(kind, o, uid)},
		"managedFields":   managedFields("kubelet", `{"f:status":{"f:conditions":{},"f:containerStatuses":{},"f:phase":{}}}`)}
	if kind == "Job" && c.JobTracking {
		meta["finalizers"] = []any{"batch.kubernetes.io/job-tracking"}
	}
	address := fmt.Sprintf("10.%d.%d.%d", node>>8&0xff, node&0xff, pod&0xff)
	return map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": meta,
		"spec": map[string]any{"nodeName": nodeName, "restartPolicy": restartPolicy(kind),
			"terminationGracePeriodSeconds": 30, "serviceAccountName": "default",
			"containers": []any{map[string]any{"name": "main", "image": "registry.invalid/team/main:v1",
				"resources": map[string]any{"requests": map[string]any{"cpu": "1", "memory": "2Gi"}}}}},
		"status": map[string]any{"phase": "Running", "podIP": address, "podIPs": []any{map[string]any{"ip": address}},
			"startTime": now(), "qosClass": "Burstable", "conditions": podConditions(),
			"containerStatuses": []any{map[string]any{"name": "main", "ready": true, "started": true,
				"restartCount": 0, "image": "registry.invalid/team/main:v1", "imageID": "",
				"state": map[string]any{"running": map[string]any{"startedAt": now()}}}}},
	}
}

// pad makes a pod as large as wanted.
func (c *cluster) pad(pod map[string]any) error {
	encoded, err := json.Marshal(pod)
	if missing := c.PodSize - len(encoded); err == nil && missing > 0 {
		child(pod, "metadata")["annotations"] = map[string]any{"padding.invalid/text": strings.Repeat("x", missing)}
	}
	return err
}

func restartPolicy(owner string) string {
	if owner == "Job" {
		return "Never"
	}
	return "Always"
}

func podConditions() []any {
	conditions := []any{}
	for _, kind := range []string{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		conditions = append(conditions, map[string]any{"type": kind, "status": "True",
			"lastProbeTime": nil, "lastTransitionTime": now()})
	}
	return conditions
}
