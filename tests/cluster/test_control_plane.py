"""The real API server behaves as lastgasp takes for granted, and the harness as tests do."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from admission import annotations_refused
from facts import FACTS, a_node, a_pod
from kube_client import MERGE, ApiError
from kube_objects import volumes_attached
from processes import wait_until

HERE = Path(__file__).parent


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_fact(control_plane, fact):
    fact(control_plane)


def test_a_restarted_server_has_no_old_versions_to_watch_from(control_plane):
    old = control_plane.get("/api/v1/nodes")["metadata"]["resourceVersion"]
    with a_node(control_plane):
        control_plane.restart_apiserver()
        events = list(control_plane.stream(
            f"/api/v1/nodes?watch=1&resourceVersion={old}&timeoutSeconds=5"))
    assert [(e["type"], e["object"]["code"]) for e in events] == [("ERROR", 410)]


def test_the_audit_log_holds_what_a_user_sent(control_plane):
    user = "lastgasp-correlator"
    with a_pod(control_plane) as (path, _):
        with pytest.raises(ApiError) as refused:
            control_plane.client(user).patch(path, {"metadata": {"annotations": {"a": "b"}}})
    assert refused.value.code == 403

    def found():
        events = control_plane.audit(user, "patch", "pods")
        return [event for event in events if event["requestURI"] == path]
    event, = wait_until("the patch is in the audit log", found, seconds=10)
    assert event["responseStatus"]["code"] == 403


@pytest.mark.parametrize("certificate", [False, True], ids=["token", "certificate"])
def test_a_kubeconfig_makes_its_user(control_plane, certificate):
    user = "lastgasp-correlator"
    config = yaml.safe_load(control_plane.kubeconfig(user, certificate).read_text())
    credentials = config["users"][0]["user"]
    tls = ssl.create_default_context(cafile=str(control_plane.authority.certificate))
    headers = {"Content-Type": "application/json"}
    if certificate:
        tls.load_cert_chain(credentials["client-certificate"], credentials["client-key"])
    else:
        headers["Authorization"] = f"Bearer {credentials['token']}"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    request = urllib.request.Request(
        config["clusters"][0]["cluster"]["server"]
        + "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        json.dumps(review).encode(), headers)
    with urllib.request.urlopen(request, context=tls) as answer:
        assert json.load(answer)["status"]["userInfo"]["username"] == user


def test_refused_annotations_are_refused_on_status_too(control_plane):
    annotated = {"metadata": {"annotations": {"pod.titus.netflix.com/why": "x"}}}
    with a_pod(control_plane) as (path, _):
        with annotations_refused(control_plane, "titus.netflix.com"):
            for target in (path, f"{path}/status"):
                with pytest.raises(ApiError) as refused:
                    control_plane.patch(target, annotated)
                assert (refused.value.code, refused.value.reason) == (422, "Invalid")
            control_plane.patch_status(path, {"phase": "Failed"})
        control_plane.patch(path, annotated)


def test_attached_volumes_stay_until_they_are_cleared(control_plane):
    with a_node(control_plane) as (path, _):
        for volumes in (["kubernetes.io/csi/one", "kubernetes.io/csi/two"], []):
            control_plane.patch_status(path, volumes_attached(*volumes), MERGE)
            attached = control_plane.get(path)["status"].get("volumesAttached", [])
            assert [volume["name"] for volume in attached] == volumes


def test_a_control_plane_dies_with_the_process_that_started_it(control_plane_programs):
    starter = subprocess.Popen(
        [sys.executable, "-c", f"""
import signal, sys
from pathlib import Path
from control_plane import ControlPlane
with ControlPlane(Path({str(control_plane_programs)!r})) as running:
    print(running.folder, *(p.child.pid for p in running.processes.values()), flush=True)
    signal.pause()
"""], cwd=HERE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])})
    folder, *pids = starter.stdout.readline().split()
    assert len(pids) == 2
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    wait_until("etcd and kube-apiserver are gone", lambda: not any(map(is_alive, pids)), seconds=10)
    shutil.rmtree(folder)


def is_alive(pid: str) -> bool:
    return os.path.exists(f"/proc/{pid}")
