"""The API server goes away and comes back, before a panic or in the middle of one."""

from kube_objects import now
from processes import wait_until


def test_an_api_server_that_restarts_in_the_middle_leaves_nothing_half_done(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, *(f"pod-{number}" for number in range(60)))
    scene.die(node)
    pipeline.panic(node, gap_max=0)
    wait_until("the first pod is deleted", lambda: scene.asked("delete", "pods"), seconds=10,
               every=0.001)
    scene.control_plane.stop_apiserver()
    away = now()
    scene.control_plane.start_apiserver()
    assert pipeline.ended(node, seconds=30)["outcome"] == "deleted"
    assert scene.pod_names() == set() and not scene.control_plane.exists(node.path)
    scene.wait_taken("delete", "nodes", {node.name})
    assert any(line["requestReceivedTimestamp"] > away
               for line in scene.taken("delete", "pods").values()), "all was done before"
    messages = {line["responseObject"]["status"]["message"]
                for line in scene.taken("patch", "pods").values()}
    assert messages == {f"Kernel panic on node {node.name}: sysrq triggered crash"}


def test_a_panic_while_the_api_server_is_away_is_not_forgotten(scene, pipeline):
    node = scene.add_node()
    scene.add_pods(node, "pod")
    pipeline.running["correlator"].wait_for("synced ")
    scene.die(node)
    scene.control_plane.stop_apiserver()
    pipeline.panic(node)
    pipeline.running["actuator"].wait_for("the API server does not answer")
    scene.control_plane.start_apiserver()
    assert pipeline.ended(node, seconds=30)["outcome"] == "deleted"
    assert scene.pod_names() == set()


def test_stages_that_start_without_an_api_server_find_it_when_it_comes(scene, make_pipeline):
    node = scene.add_node()
    scene.add_pods(node, "pod")
    scene.die(node)
    scene.control_plane.stop_apiserver()
    pipeline = make_pipeline().start()
    pipeline.panic(node)
    pipeline.running["listener"].wait_for("panic of ")
    scene.control_plane.start_apiserver()
    assert pipeline.ended(node, seconds=45)["outcome"] == "deleted"
