"""Fixtures of the tests against a real control plane."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane import ControlPlane


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
def manifests(control_plane: ControlPlane) -> Path:
    """The folder of the manifests that users apply; they are in force."""
    folder = Path(__file__).parents[2] / "systemd" / "kubernetes"
    control_plane.apply(*(folder / f"{name}.yaml" for name in ("rbac", "ledger", "flowschema")))
    return folder


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A name of its own for each test; what is in it goes with it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    control_plane.create("/api/v1/namespaces", {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    control_plane.delete(f"/api/v1/namespaces/{name}")
