"""Who may do what by RBAC, and taking rights away for a while."""

import contextlib
from collections.abc import Iterator

from kube_client import Client
from processes import wait_until

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def is_allowed(api: Client, identity: dict, verb: str, group: str, resource: str,
               **where: str) -> bool:
    """identity: user and groups; where: namespace and name, if it is about one object."""
    resource, _, subresource = resource.partition("/")
    review = api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {**identity, "resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource,
            **where}}})
    return review["status"]["allowed"]


@contextlib.contextmanager
def without(api: Client, user: str, verb: str, group: str, resource: str) -> Iterator[None]:
    """The ClusterRole that is named after the user lacks this right inside the block."""
    path = f"{ROLES}/{user}"
    whole = api.get(path)["rules"]
    less = [{**rule, "verbs": [one for one in rule["verbs"] if one != verb]}
            if (rule["apiGroups"], rule["resources"]) == ([group], [resource]) else rule
            for rule in whole]
    assert less != whole

    def change(rules: list[dict], allowed: bool) -> None:
        api.replace(path, {**api.get(path), "rules": [rule for rule in rules if rule["verbs"]]})
        wait_until(f"{user} may {verb} {resource}: {allowed}", lambda: is_allowed(
            api, {"user": user}, verb, group, resource) == allowed, seconds=10)

    change(less, allowed=False)
    try:
        yield
    finally:
        change(whole, allowed=True)
