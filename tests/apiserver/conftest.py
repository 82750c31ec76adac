"""Fixtures of the comparison with a real control plane."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CLUSTER = Path(__file__).resolve().parents[1] / "cluster"
sys.path[:0] = [str(CLUSTER), str(Path(__file__).resolve().parent)]

from apiserver import ApiServer  # noqa: E402
from control_plane import ControlPlane  # noqa: E402


@pytest.fixture(scope="module")
def real() -> Iterator[ControlPlane]:
    programs = subprocess.run([CLUSTER / "build-control-plane"], check=True, text=True, stdout=subprocess.PIPE)
    with ControlPlane(Path(programs.stdout.strip())) as running:
        yield running


@pytest.fixture(scope="module")
def simulated() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running
