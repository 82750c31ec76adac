"""A panic goes in over UDP; in the API its node's pods carry the reason and all are gone."""
from tests.harness import captures
from tests.harness.fleet import faults
from tests.harness.pipeline import PANIC, PANIC_REASON, panics_of
from tests.harness.programs import wait_until

POD = "pod.titus.netflix.com"
NODE = "node.titus.netflix.com"


def condition(obj: dict, kind: str) -> dict:
    (found,) = [c for c in obj["status"]["conditions"] if c["type"] == kind]
    return found


def test_every_pod_of_the_dead_node_says_why_it_died_and_is_gone(pipeline, fleet):
    node = fleet.add(pods=12)
    doomed = {name for kind in ("Job", "ReplicaSet", "StatefulSet")
              for name in fleet.pod_names(node, kind)}
    since = fleet.version()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert doomed and not doomed & {pod["metadata"]["name"] for pod in fleet.pods(node)}

    last = fleet.api.last_states("pods", since)
    text = f"Kernel panic on node {node.name}: {PANIC_REASON}"
    for name in doomed:
        annotations, status = last[name]["metadata"]["annotations"], last[name]["status"]
        assert annotations[f"{POD}/pod-termination-reason"] == text
        assert annotations[f"{POD}/pod-termination-reason-code"] == "kernel-panic"
        assert annotations[f"{POD}/pod-termination-reason-detail"] == "sysrq"
        assert annotations[f"{POD}/pod-termination-by-caller"] == "lastgasp"
        assert (status["phase"], status["message"]) == ("Failed", text)
        for kind in ("DisruptionTarget", "titus.netflix.com/KernelPanic"):
            assert condition(last[name], kind)["status"] == "True"
            assert condition(last[name], kind)["reason"] == "NodeKernelPanic"
            assert condition(last[name], kind)["message"] == text


def test_the_node_is_annotated_and_cordoned_before_it_is_deleted(pipeline, fleet):
    node = fleet.add()
    since = fleet.version()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    assert not fleet.api.exists(node.path)

    last = fleet.api.last_states("nodes", since)[node.name]
    annotations = last["metadata"]["annotations"]
    assert annotations[f"{NODE}/node-termination-reason"] == \
        f"Kernel panic on node {node.name}: {PANIC_REASON}"
    assert annotations[f"{NODE}/node-termination-by-caller"] == "lastgasp"
    assert last["spec"]["unschedulable"] is True
    writes = [(line["verb"], line["objectRef"]["resource"]) for line in fleet.writes(node)]
    assert writes[0] == ("patch", "nodes") and writes[-1] == ("delete", "nodes")


def test_node_owners_and_pods_have_events_that_say_why(pipeline, fleet):
    node = fleet.add(pods=8)
    doomed = {name for kind in ("Job", "ReplicaSet", "StatefulSet")
              for name in fleet.pod_names(node, kind)}
    pipeline.panic(node)
    pipeline.ended(node)

    def all_there():
        about = {(e["regarding"]["kind"], e["regarding"]["name"]): e for e in fleet.events(node)}
        wanted = {("Pod", name) for name in doomed} | {("Node", node.name)}
        kinds = {kind for kind, _ in about}
        return about if wanted <= set(about) and {"Job", "ReplicaSet", "StatefulSet"} <= kinds \
            else None
    about = wait_until(all_there, 10, f"events of {doomed} and their owners")
    assert about["Node", node.name]["metadata"]["namespace"] == "default"
    assert PANIC_REASON in about["Node", node.name]["note"]
    (job,) = [event for (kind, _), event in about.items() if kind == "Job"]
    assert job["note"].startswith(f"2 pods died with node {node.name}: kernel panic: ")
    assert all(event["reason"] == "NodeKernelPanic" for event in about.values())


def test_an_oops_before_the_panic_is_named_in_the_reason(pipeline, fleet):
    node = fleet.add()
    since = fleet.version()
    pipeline.panic(node, "6.12/ext-oopspanic", gap_max=0.001)
    assert pipeline.ended(node)["outcome"] == "deleted"
    (name, *_) = [n for n, pod in fleet.api.last_states("pods", since).items()
                  if pod["spec"]["nodeName"] == node.name and pod["status"]["phase"] == "Failed"]
    annotations = fleet.api.last_states("pods", since)[name]["metadata"]["annotations"]
    reason = annotations[f"{POD}/pod-termination-reason"]
    assert reason.startswith(f"Kernel panic on node {node.name}: Fatal exception (NULL pointer "
                             "dereference at 0000000000000000 in do_oops")
    assert annotations[f"{POD}/pod-termination-reason-detail"] == "oops"


def test_two_nodes_that_panic_at_once_both_go_and_a_third_stays(pipeline, fleet):
    one, two, bystander = fleet.add(), fleet.add(), fleet.add()
    at = ("127.0.0.1", pipeline.port)
    with captures.sender(one.address) as first, captures.sender(two.address) as second:
        for _, datagram in captures.datagrams(PANIC):
            first.sendto(datagram, at)
            second.sendto(datagram, at)
    assert pipeline.ended(one)["outcome"] == pipeline.ended(two)["outcome"] == "deleted"
    assert not fleet.writes(bystander) and len(fleet.pods(bystander)) == 4


def test_one_death_that_panics_twice_is_one_incident_of_two_panics(pipeline, fleet):
    node = fleet.add()
    faults(fleet, [("get", "nodes")], action="delay", delay=1)
    pipeline.panic(node)
    with captures.sender(node.address) as sock:
        sock.sendto(b"[    5.2] Kernel panic - not syncing: Fatal exception in interrupt\n",
                    ("127.0.0.1", pipeline.port))
    incident = pipeline.ended(node)
    assert incident["outcome"] == "deleted"
    assert len(panics_of(pipeline.state, incident)) == 2


def test_a_panic_that_comes_to_two_targets_is_one_panic(pipeline, fleet):
    node = fleet.add()
    faults(fleet, [("get", "nodes")], action="delay", delay=1)
    pipeline.panic(node)
    pipeline.panic(node)
    incident = pipeline.ended(node)
    assert incident["outcome"] == "deleted"
    assert len(panics_of(pipeline.state, incident)) == 1


def test_a_panic_over_ipv6_finds_its_node(make_pipeline, fleet):
    node = fleet.change(fleet.add(), lambda obj: obj["status"].update(
        addresses=[{"type": "InternalIP", "address": "::1"}]))
    pipeline = make_pipeline(listen="::1").start()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_a_panic_over_ipv4_finds_its_node_on_a_socket_for_both_that_systemd_passed(make_pipeline,
                                                                                   fleet):
    node = fleet.add()
    pipeline = make_pipeline(listen="::", passed=True).start()
    captures.send(PANIC, node.address, ("127.0.0.1", pipeline.port), 0.002)
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_the_annotations_domain_is_an_option(make_pipeline, fleet):
    node = fleet.add()
    since = fleet.version()
    option = ("--domain=example.org",)
    pipeline = make_pipeline(correlator=option, actuator=("--accept-unverified", *option)).start()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"
    annotations = fleet.api.last_states("nodes", since)[node.name]["metadata"]["annotations"]
    assert annotations["node.example.org/node-termination-by-caller"] == "lastgasp"
    assert not any("netflix" in key for key in annotations)
    failed = [pod for pod in fleet.api.last_states("pods", since).values()
              if pod["spec"]["nodeName"] == node.name and pod["status"]["phase"] == "Failed"]
    assert failed and all(condition(pod, "example.org/KernelPanic") for pod in failed)
