package main

import "strings"

// kind is a row of the table of what the server stores.
type kind struct {
	group, version, resource, name string
	namespaced                     bool
	status                         bool   // has the subresource /status
	graceful                       bool   // DELETE honours a grace period and answers with the object
	verbs                          string // space-separated
}

const (
	allVerbs   = "get list watch create update patch delete"
	ownerVerbs = "get list watch create delete"
)

var (
	nodeKind  = &kind{"", "v1", "nodes", "Node", false, true, false, allVerbs}
	podKind   = &kind{"", "v1", "pods", "Pod", true, true, true, allVerbs}
	leaseKind = &kind{"coordination.k8s.io", "v1", "leases", "Lease", true, false, false, allVerbs}
	eventKind = &kind{"events.k8s.io", "v1", "events", "Event", true, false, false, allVerbs}
	spaceKind = &kind{"", "v1", "namespaces", "Namespace", false, false, false, "get list"}
)

var kinds = []*kind{
	nodeKind, podKind, leaseKind, eventKind, spaceKind,
	{"batch", "v1", "jobs", "Job", true, false, false, ownerVerbs},
	{"apps", "v1", "replicasets", "ReplicaSet", true, false, false, ownerVerbs},
	{"apps", "v1", "daemonsets", "DaemonSet", true, false, false, ownerVerbs},
	{"apps", "v1", "statefulsets", "StatefulSet", true, false, false, ownerVerbs},
	{"apps", "v1", "deployments", "Deployment", true, false, false, ownerVerbs},
}

func (k *kind) apiVersion() string {
	if k.group == "" {
		return k.version
	}
	return k.group + "/" + k.version
}

// qualified is the resource as error messages name it: "leases.coordination.k8s.io".
func (k *kind) qualified() string { return dotted(k.resource, k.group) }

func (k *kind) allows(verb string) bool {
	for _, v := range strings.Fields(k.verbs) {
		if v == verb {
			return true
		}
	}
	return false
}

func dotted(name, group string) string {
	if group == "" {
		return name
	}
	return name + "." + group
}

func kindByResource(group, version, resource string) *kind {
	for _, k := range kinds {
		if k.group == group && k.version == version && k.resource == resource {
			return k
		}
	}
	return nil
}

func kindByName(apiVersion, name string) *kind {
	for _, k := range kinds {
		if k.apiVersion() == apiVersion && k.name == name {
			return k
		}
	}
	return nil
}
