"""Kubernetes objects that tests make, as plain dictionaries."""

import datetime

CONTAINER = {"name": "main", "image": "none.invalid/none"}


def now() -> str:
    """As metav1.MicroTime wants it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def node(name: str, labels: dict[str, str] | None = None, **metadata: object) -> dict:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {
        "name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}, **metadata}}


def node_status(name: str, addresses: list[str], boot_id: str, kubelet_port: int = 10250) -> dict:
    """What a kubelet reports of a machine that is well."""
    time = now()
    healthy = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False",
               "Ready": "True"}
    return {
        "addresses": [{"type": "InternalIP", "address": address} for address in addresses]
        + [{"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
        "capacity": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "conditions": [
            {"type": type_, "status": status, "reason": "KubeletReports", "message": "",
             "lastHeartbeatTime": time[:19] + "Z", "lastTransitionTime": time[:19] + "Z"}
            for type_, status in healthy.items()],
        "nodeInfo": {
            "machineID": name, "systemUUID": name, "bootID": boot_id, "kernelVersion": "6.1.0",
            "osImage": "test", "containerRuntimeVersion": "containerd://1.7.0",
            "kubeletVersion": "v1.36.3", "kubeProxyVersion": "", "operatingSystem": "linux",
            "architecture": "amd64"},
    }


def node_lease(node_obj: dict, seconds: int) -> dict:
    metadata = node_obj["metadata"]
    return {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": metadata["name"], "namespace": "kube-node-lease", "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": metadata["name"],
             "uid": metadata["uid"]}]},
        "spec": {"holderIdentity": metadata["name"], "leaseDurationSeconds": seconds,
                 "renewTime": now()},
    }


def pod(name: str, node_name: str | None = None, **metadata: object) -> dict:
    spec = {"containers": [CONTAINER]}
    if node_name:
        spec["nodeName"] = node_name
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def mirror_pod(name: str, node_obj: dict) -> dict:
    """How a kubelet shows a pod that it runs from a file."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": node_obj["metadata"]["name"],
             "uid": node_obj["metadata"]["uid"], "controller": True}
    return pod(name, node_obj["metadata"]["name"], ownerReferences=[owner], annotations={
        "kubernetes.io/config.mirror": "hash", "kubernetes.io/config.hash": "hash",
        "kubernetes.io/config.source": "file"})


def job(name: str, ignored: str | None = None) -> dict:
    """One pod, no retries. A pod that ends with the condition `ignored` does not count as the one
    try."""
    spec = {"backoffLimit": 0, "template": {
        "spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}
    if ignored:
        spec["podFailurePolicy"] = {"rules": [{
            "action": "Ignore", "onPodConditions": [{"type": ignored, "status": "True"}]}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def workload(kind: str, name: str, replicas: int = 1) -> dict:
    """A Deployment, a StatefulSet, or a DaemonSet (which has no count of replicas)."""
    spec: dict = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [CONTAINER]}}}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def volumes_attached(*names: str) -> dict:
    """A Node's status with these volumes and no others, to be sent as a merge patch."""
    return {"volumesAttached": [{"name": name, "devicePath": ""} for name in names]}
