"""What the helper and the admin interface do, through the built program."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from apiserver import ApiError, ApiServer, binary

PODS = "/api/v1/namespaces/default/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


@pytest.fixture
def api():
    with ApiServer() as running:
        yield running


def test_generated_clusters_look_real(api):
    api.generate(nodes=3, podsPerNode=8, addresses=["127.1.0.0/16", "fd00:1::/64"], zones=2, kubeletPort=1234,
                 podSize=4000)
    node = api.get("/api/v1/nodes/node-1")
    addresses = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
    assert addresses == ["127.1.0.2", "fd00:1::2"]
    assert 14_500 < len(json.dumps(node, separators=(",", ":"))) < 15_600
    assert node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 1234
    assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "zone-b"
    boots = {n["status"]["nodeInfo"]["bootID"] for n in api.list("/api/v1/nodes")}
    assert len(boots) == 3
    assert api.get(f"{LEASES}/node-1")["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]
    pods = api.list("/api/v1/pods", fieldSelector="spec.nodeName=node-1")
    assert len(pods) == 8
    assert all(3_900 < len(json.dumps(p, separators=(",", ":"))) < 4_200 for p in pods)
    resources = {"Job": "/apis/batch/v1/namespaces/default/jobs",
                 "ReplicaSet": "/apis/apps/v1/namespaces/default/replicasets",
                 "StatefulSet": "/apis/apps/v1/namespaces/default/statefulsets",
                 "DaemonSet": "/apis/apps/v1/namespaces/default/daemonsets"}
    owners = [p["metadata"]["ownerReferences"][0] for p in pods]
    assert {o["kind"] for o in owners} == set(resources)
    for owner in owners:
        assert api.get(f"{resources[owner['kind']]}/{owner['name']}")["metadata"]["uid"] == owner["uid"]
    with pytest.raises(RuntimeError, match="no address for node"):
        api.generate(nodes=300, addresses=["10.0.0.0/24"])


def test_faults_hit_users_and_not_the_test(api):
    api.generate(nodes=1)
    api.faults({"verb": "get", "action": "status", "status": 503, "retryAfter": 2, "count": 1})
    assert api.request("GET", "/api/v1/nodes/node-0")[0] == 200
    code, status = api.request("GET", "/api/v1/nodes/node-0", user="actuator")
    assert (code, status["reason"], status["details"]["retryAfterSeconds"]) == (503, "ServiceUnavailable", 2)
    assert api.request("GET", "/api/v1/nodes/node-0", user="actuator")[0] == 200
    assert api.fault_hits() == [1]
    api.clear_faults()
    assert api.fault_hits() == []
    with pytest.raises(RuntimeError, match="no fault is called"):
        api.faults({"action": "explode"})
    faulty = [line for line in api.audit(user="actuator") if "annotations" in line]
    assert [line["responseStatus"]["code"] for line in faulty] == [503]


def test_silence_and_absence(api):
    api.silent()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(api.get("/version")))
    asking.start()
    asking.join(0.3)
    assert asking.is_alive()
    api.silent(False)
    asking.join(5)
    assert answers
    api.away()
    with pytest.raises(ConnectionRefusedError):
        api.get("/version")
    api.away(False)
    assert api.get("/version")["major"] == "1"


def test_orders_to_watches(api):
    api.generate(nodes=1)
    lines = []

    def watch():
        request = urllib.request.Request(f"{api.url}/api/v1/nodes?watch=1",
                                         headers={"Authorization": f"Bearer {api.token('correlator')}"})
        context = ssl.create_default_context(cafile=str(api.ca))
        with urllib.request.urlopen(request, context=context) as answer:
            lines.extend(json.loads(line)["type"] for line in answer)

    watching = threading.Thread(target=watch)
    watching.start()
    api.wait_for(lambda: api.counters()["watches"] == 1)
    assert api.audit(user="correlator", verb="watch") == []
    assert len(api.audit(user="correlator", verb="watch", stage="ResponseStarted")) == 1
    assert api.watches("error", resource="pods", code=410) == 0
    assert api.watches("error", resource="nodes", code=410) == 1
    watching.join(5)
    assert lines == ["ADDED", "ERROR"]
    assert len(api.audit(user="correlator", verb="watch")) == 1


def test_rights_and_tokens(api):
    api.rights({"actuator": ["get nodes"]})
    assert api.request("GET", "/api/v1/nodes", user="actuator")[0] == 403
    assert api.request("GET", "/api/v1/nodes/x", user="actuator")[0] == 404
    api.set_tokens({api.token("admin"): "admin"})
    assert api.request("GET", "/api/v1/nodes/x", user="actuator")[0] == 401
    assert api.request("GET", "/api/v1/nodes", user="admin")[0] == 200


def test_settings_and_compaction(api):
    api.generate(nodes=3)
    token = api.get("/api/v1/nodes?limit=1")["metadata"]["continue"]
    api.compact()
    with pytest.raises(ApiError) as caught:
        api.get(f"/api/v1/nodes?limit=1&continue={token}")
    assert caught.value.code == 410
    with pytest.raises(RuntimeError, match="forgotten"):
        api.changes("nodes", since=1)
    api.settings(streamingList=False)
    stream = "/api/v1/nodes?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    assert api.request("GET", stream)[0] == 422


def test_the_last_state_of_what_is_gone_is_known(api):
    api.generate(nodes=1, podsPerNode=1)
    pod = api.list("/api/v1/pods")[0]["metadata"]
    since = int(pod["resourceVersion"])
    api.patch(f"{PODS}/{pod['name']}/status", {"status": {"phase": "Failed", "reason": "NodeKernelPanic"}})
    api.delete(f"{PODS}/{pod['name']}", {"gracePeriodSeconds": 0})
    assert not api.exists(f"{PODS}/{pod['name']}")
    assert api.last_states("pods", since)[pod["name"]]["status"]["reason"] == "NodeKernelPanic"
    assert [c["type"] for c in api.changes("pods", since)] == ["MODIFIED", "MODIFIED", "DELETED"]


def test_objects_are_replaced_and_dropped_whatever_protects_them(api):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "finalizers": ["a.b/c"]}}
    api.load(node)
    first = api.get("/api/v1/nodes/n")["metadata"]["uid"]
    api.load({**node, "spec": {"unschedulable": True}})
    again = api.get("/api/v1/nodes/n")
    assert (again["metadata"]["uid"], again["spec"]["unschedulable"]) == (first, True)
    api.drop("nodes", "n")
    assert not api.exists("/api/v1/nodes/n")
    api.load(node)
    assert api.get("/api/v1/nodes/n")["metadata"]["uid"] != first


def test_leases_renew_except_of_the_dead(api):
    api.generate(nodes=2)

    def renewed() -> list[str]:
        return [lease["spec"]["renewTime"] for lease in api.list(LEASES)]

    before = renewed()
    api.renew(0.05, except_=["node-1"])
    api.wait_for(lambda: renewed()[0] != before[0])
    assert renewed()[1] == before[1]
    api.renew(0)
    stopped = renewed()
    time.sleep(0.2)
    assert renewed() == stopped


def test_churn_updates_nodes_at_its_rate(api):
    api.generate(nodes=10)
    since = int(api.get("/api/v1/nodes")["metadata"]["resourceVersion"])
    api.churn(100, seconds=1)
    time.sleep(1.3)
    assert 80 <= len(api.changes("nodes", since)) <= 101


def test_counters(api):
    api.reset_counters()
    api.get("/api/v1/nodes")
    api.request("GET", "/api/v1/nodes/none")
    counters = api.counters()
    assert counters["requests"] == {"list nodes 200": 1, "get nodes 404": 1}
    assert (counters["connections"], counters["inFlight"], counters["peakInFlight"]) == (2, 0, 1)


def test_plain_http():
    with ApiServer(http=True) as api:
        assert api.url.startswith("http://")
        assert api.list("/api/v1/nodes") == []
        assert "certificate-authority" not in Path(api.kubeconfig("actuator")).read_text()


def test_kubeconfigs_name_authority_and_token(api):
    text = Path(api.kubeconfig("correlator")).read_text()
    assert f"certificate-authority: {api.ca}" in text
    assert f"token: {api.token('correlator')}" in text
    assert f"server: {api.url}" in text


def test_rotated_clients_are_let_in_by_their_new_certificate_only(api):
    def ask() -> int:
        context = ssl.create_default_context(cafile=str(api.ca))
        context.load_cert_chain(api.directory / "actuator.crt", api.directory / "actuator.key")
        try:
            return urllib.request.urlopen(f"{api.url}/api/v1/nodes", context=context).status
        except urllib.error.HTTPError as error:
            return error.code

    assert ask() == 200
    old = {name: (api.directory / name).read_bytes() for name in ("actuator.crt", "actuator.key")}
    api.rotate("clients")
    assert ask() == 200
    for name, text in old.items():
        (api.directory / name).write_bytes(text)
    assert ask() == 401
    api.rotate("server")
    api.get("/api/v1/nodes")


def test_it_ends_with_its_parent(tmp_path):
    code = ("import subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True); "
            "p.stdout.readline(); print(p.pid, flush=True); sys.stdin.read()")
    parent = subprocess.Popen([sys.executable, "-c", code, binary(), f"--dir={tmp_path}", "--die-with-parent"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = int(parent.stdout.readline())
    os.kill(server, 0)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{server}/cmdline").exists() and Path(f"/proc/{server}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)
