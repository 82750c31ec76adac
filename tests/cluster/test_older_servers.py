"""An API server that streams no lists, as those before 1.32 and, unless told otherwise, 1.33."""

import pytest

from control_plane import ControlPlane
from kubelets import Kubelets
from scene import Scene


@pytest.fixture
def old_scene(control_plane_programs, manifest_files):
    with ControlPlane(control_plane_programs, apiserver=("--feature-gates=WatchList=false",)
                      ) as control_plane, Kubelets(control_plane) as kubelets:
        control_plane.apply(*manifest_files)
        yield Scene(control_plane, kubelets, "default")


def test_a_panic_is_judged_where_lists_are_not_streamed(old_scene, make_pipeline):
    first = old_scene.add_node("first")
    pipeline = make_pipeline(api=old_scene.control_plane).start()
    pipeline.running["correlator"].wait_for("synced 1 nodes")
    second = old_scene.add_node("second")
    old_scene.die(first, second)
    for node in (first, second):
        pipeline.panic(node)
        assert pipeline.ended(node)["outcome"] == "deleted"
    lists = [line for line in old_scene.asked("list", "nodes")
             if line["user"]["username"] == "lastgasp-correlator"]
    codes = [line["responseStatus"]["code"] for line in old_scene.asked("watch", "nodes")]
    assert codes[0] == 422 and len(lists) == 1
