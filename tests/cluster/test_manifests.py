"""The manifests that users apply give each program the rights it needs, and no others."""

import pytest
import yaml

from processes import wait_until
from rights import is_allowed

CORRELATOR, ACTUATOR = "lastgasp-correlator", "lastgasp-actuator"
BOTH = (CORRELATOR, ACTUATOR)
IDENTITIES = ("User", "ServiceAccount")
CORE, COORDINATION, EVENTS = "", "coordination.k8s.io", "events.k8s.io"
LEDGER = {"namespace": "lastgasp", "name": "lastgasp"}
NODE_LEASE = {"namespace": "kube-node-lease", "name": "some-node"}
ANYWHERE = {"namespace": "some-namespace"}

# Who, which verbs, API group, resource, where.
NEEDED = [
    (CORRELATOR, "list watch", CORE, "nodes", {}),
    (ACTUATOR, "get list patch delete", CORE, "nodes", {}),
    (ACTUATOR, "list", CORE, "pods", {}),
    (ACTUATOR, "delete", CORE, "pods", ANYWHERE),
    (ACTUATOR, "patch", CORE, "pods/status", ANYWHERE),
    (ACTUATOR, "create", EVENTS, "events", ANYWHERE),
    (ACTUATOR, "create", EVENTS, "events", {"namespace": "default"}),
    (ACTUATOR, "get update", COORDINATION, "leases", LEDGER),
    (CORRELATOR, "get", COORDINATION, "leases", NODE_LEASE),
    (ACTUATOR, "get", COORDINATION, "leases", NODE_LEASE),
]
READ = "get list watch"
WRITE = "create update patch delete deletecollection"
FORBIDDEN = [
    *((who, f"{READ} {WRITE}", CORE, resource, ANYWHERE) for who in BOTH for resource in
      ("secrets", "configmaps", "serviceaccounts", "persistentvolumeclaims", "*")),
    *((who, f"{READ} {WRITE}", "rbac.authorization.k8s.io", "clusterrolebindings", {})
      for who in BOTH),
    *((who, "impersonate", CORE, resource, {}) for who in BOTH for resource in ("users", "groups")),
    *((who, "create", CORE, resource, ANYWHERE) for who in BOTH for resource in
      ("pods", "pods/exec", "pods/eviction", "pods/binding", "serviceaccounts/token")),
    *((who, "create update deletecollection", CORE, "nodes", {}) for who in BOTH),
    *((who, f"get {WRITE}", CORE, "nodes/proxy", {}) for who in BOTH),
    (CORRELATOR, WRITE, CORE, "nodes", {}),
    (CORRELATOR, WRITE, CORE, "nodes/status", {}),
    (CORRELATOR, f"{READ} {WRITE}", CORE, "pods", ANYWHERE),
    (CORRELATOR, WRITE, EVENTS, "events", ANYWHERE),
    (CORRELATOR, f"{READ} {WRITE}", COORDINATION, "leases", LEDGER),
    (ACTUATOR, "get watch patch update deletecollection", CORE, "pods", ANYWHERE),
    (ACTUATOR, "patch update", CORE, "nodes/status", {}),
    (ACTUATOR, f"{READ} patch delete", EVENTS, "events", ANYWHERE),
    (ACTUATOR, "list watch create patch delete deletecollection", COORDINATION, "leases", LEDGER),
    (ACTUATOR, f"{READ} {WRITE}", COORDINATION, "leases",
     {"namespace": "lastgasp", "name": "another"}),
    *((who, f"list watch {WRITE}", COORDINATION, "leases", NODE_LEASE) for who in BOTH),
    *((who, f"{READ} {WRITE}", COORDINATION, "leases", {"namespace": "kube-system"})
      for who in BOTH),
]


def identity(kind, who):
    if kind == "User":
        return {"user": who, "groups": ["system:authenticated"]}
    return {"user": f"system:serviceaccount:lastgasp:{who}", "groups": [
        "system:authenticated", "system:serviceaccounts", "system:serviceaccounts:lastgasp"]}


def allowed_verbs(control_plane, kind, right):
    who, verbs, group, resource, where = right
    return [verb for verb in verbs.split()
            if is_allowed(control_plane, identity(kind, who), verb, group, resource, **where)]


def right_name(right):
    who, _, group, resource, where = right
    return "-".join([who.removeprefix("lastgasp-"), group or "core", resource, *where.values()])


@pytest.mark.parametrize("kind", IDENTITIES)
@pytest.mark.parametrize("right", NEEDED, ids=right_name)
def test_a_right_that_is_needed_is_there(control_plane, manifests, kind, right):
    def complete():
        return allowed_verbs(control_plane, kind, right) == right[1].split()
    wait_until(f"{kind} has {right}", complete, seconds=5)  # the authorizer learns by watching


@pytest.mark.parametrize("kind", IDENTITIES)
@pytest.mark.parametrize("right", FORBIDDEN, ids=right_name)
def test_a_right_that_is_not_needed_is_not_there(control_plane, manifests, kind, right):
    assert allowed_verbs(control_plane, kind, right) == []


def test_no_rule_grants_more_than_the_table_of_needed_rights(manifests):
    """The table of forbidden rights cannot name all that might be: so no rule may say more."""
    documents = yaml.safe_load_all((manifests / "rbac.yaml").read_text())
    roles = [obj for obj in documents if obj["kind"] in ("Role", "ClusterRole")]
    granted = {
        (role["metadata"].get("namespace", ""), group, resource, verb,
         *rule.get("resourceNames", []))
        for role in roles for rule in role["rules"] for group in rule["apiGroups"]
        for resource in rule["resources"] for verb in rule["verbs"]}
    needed = set()
    for _, verbs, group, resource, where in NEEDED:
        named = [LEDGER["name"]] if where is LEDGER else []
        namespace = where["namespace"] if group == COORDINATION else ""
        needed |= {(namespace, group, resource, verb, *named) for verb in verbs.split()}
    assert granted == needed


@pytest.mark.parametrize("user, path, schema", [
    (CORRELATOR, "/api/v1/nodes?limit=1", "lastgasp"),
    (ACTUATOR, "/api/v1/nodes?limit=1", "lastgasp"),
    (ACTUATOR, "/api/v1/pods?limit=1", "lastgasp"),
    (ACTUATOR, "/apis/coordination.k8s.io/v1/namespaces/lastgasp/leases/lastgasp",
     "lastgasp-ledger"),
])
def test_requests_wait_in_the_queue_meant_for_them(control_plane, manifests, user, path, schema):
    flows = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
    uid = control_plane.get(f"{flows}/{schema}")["metadata"]["uid"]
    client = control_plane.client(user)

    def queued():
        return client.headers(path)["X-Kubernetes-PF-FlowSchema-UID"] == uid
    wait_until(f"{path} of {user} under {schema}", queued, seconds=10)


@pytest.mark.parametrize("who", BOTH)
def test_a_service_accounts_token_is_that_account(control_plane, manifests, who):
    path = f"/api/v1/namespaces/lastgasp/serviceaccounts/{who}/token"
    token = control_plane.create(path, {"apiVersion": "authentication.k8s.io/v1",
                                        "kind": "TokenRequest", "spec": {}})["status"]["token"]
    review = control_plane.create("/apis/authentication.k8s.io/v1/tokenreviews", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}})
    assert review["status"]["user"]["username"] == identity("ServiceAccount", who)["user"]


def test_applying_again_leaves_a_ledger_in_use(control_plane, manifests):
    path = "/apis/coordination.k8s.io/v1/namespaces/lastgasp/leases/lastgasp"
    used = control_plane.get(path)
    used["metadata"]["annotations"] = {"touched": "some-node"}
    used["spec"] = {"holderIdentity": "host-a", "leaseDurationSeconds": 15}
    used = control_plane.client(ACTUATOR).replace(path, used)
    control_plane.apply(manifests / "ledger.yaml")
    again = control_plane.get(path)
    assert again["spec"] == used["spec"]
    assert again["metadata"]["annotations"] == {"touched": "some-node"}
    again["metadata"].pop("annotations")
    again["spec"] = {}
    control_plane.replace(path, again)
