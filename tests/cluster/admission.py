"""A cluster whose owners refuse annotations of a domain on Nodes and pods."""

import contextlib
from collections.abc import Iterator

from kube_client import ApiError, Client
from kube_objects import pod
from processes import wait_until

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


def refusal(domain: str) -> tuple[dict, dict]:
    """The policy and its binding."""
    name = f"no-annotations-of-{domain}"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["nodes", "nodes/status", "pods", "pods/status"]}]},
            "validations": [{
                "expression": "!has(object.metadata.annotations) || object.metadata.annotations"
                              f".all(key, !key.contains('{domain}/'))",
                "message": f"annotations of {domain} are refused here"}]}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]}}
    return policy, binding


@contextlib.contextmanager
def annotations_refused(api: Client, domain: str) -> Iterator[None]:
    """The refusal is in force inside the block and gone after it."""
    policy, binding = refusal(domain)
    name = policy["metadata"]["name"]

    def in_force() -> bool:
        probe = pod("probe", annotations={f"{domain}/probe": ""})
        try:
            api.create("/api/v1/namespaces/default/pods?dryRun=All", probe)
        except ApiError as error:
            if name not in error.message:
                raise
            return True
        return False

    api.create(POLICIES, policy)
    try:
        api.create(BINDINGS, binding)
        wait_until(f"{name} in force", in_force, seconds=30)
        yield
    finally:
        if api.exists(f"{BINDINGS}/{name}"):
            api.delete(f"{BINDINGS}/{name}")
        api.delete(f"{POLICIES}/{name}")
        wait_until(f"{name} lifted", lambda: not in_force(), seconds=30)
