"""Fixtures of the tests against a real control plane."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control_plane import LASTGASP, ControlPlane
from kubelets import Kubelets
from scene import Scene
from tests.harness.pipeline import Pipeline


@pytest.fixture(scope="session")
def control_plane_programs() -> Path:
    """The folder of etcd, kube-apiserver and kube-controller-manager; builds them if need be."""
    built = subprocess.run([Path(__file__).parent / "build-control-plane"], check=True, text=True,
                           stdout=subprocess.PIPE)
    return Path(built.stdout.strip())


@pytest.fixture(scope="session")
def control_plane(control_plane_programs: Path) -> Iterator[ControlPlane]:
    """One for all tests, with all controllers and their usual delays."""
    with ControlPlane(control_plane_programs, controller_manager=[]) as running:
        yield running


@pytest.fixture(scope="session")
def manifest_files() -> list[Path]:
    """What users apply, in its order."""
    folder = Path(__file__).parents[2] / "systemd" / "kubernetes"
    return [folder / f"{name}.yaml" for name in ("rbac", "ledger", "flowschema")]


@pytest.fixture(scope="session")
def manifests(control_plane: ControlPlane, manifest_files: list[Path]) -> Path:
    """The folder of the manifests that users apply; they are in force."""
    control_plane.apply(*manifest_files)
    return manifest_files[0].parent


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A name of its own for each test; what is in it goes with it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    control_plane.create("/api/v1/namespaces", {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    control_plane.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def scene(control_plane: ControlPlane, manifests: Path, namespace: str) -> Iterator[Scene]:
    with Kubelets(control_plane) as kubelets:
        yield Scene(control_plane, kubelets, namespace)


@pytest.fixture
def make_pipeline(tmp_path: Path, control_plane: ControlPlane, manifests: Path,
                  ) -> Iterator[Callable[..., Pipeline]]:
    """The three programs, each as its own user; they end with the test, and are to end well."""
    made: list[Pipeline] = []

    def make(api: ControlPlane = control_plane, certificate: bool = False,
             **options: object) -> Pipeline:
        users = {user.removeprefix("lastgasp-"): api.kubeconfig(user, certificate)
                 for user in LASTGASP}
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Pipeline(folder, api, kubeconfigs=users, **options))
        return made[-1]

    yield make
    try:
        for pipeline in made:
            pipeline.stop()
    finally:
        for pipeline in made:
            for program in pipeline.running.values():
                program.kill()
            print(pipeline.logs())


@pytest.fixture
def pipeline(make_pipeline: Callable[..., Pipeline]) -> Pipeline:
    """One that may do everything on an unverified panic."""
    return make_pipeline().start()
