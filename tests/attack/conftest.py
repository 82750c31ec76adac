"""What the attacks share.  Each draws its moments from `seed`, which a failing test shows:
`LASTGASP_SEED=N tests/attack/run -k NAME` runs it again."""
import os
import random

import pytest

from tests.harness.fixtures import api, calm, fleet, make_pipeline  # noqa: F401

SEED = int(os.environ.get("LASTGASP_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.fixture
def seed() -> int:
    print(f"LASTGASP_SEED={SEED}")
    return SEED


@pytest.fixture
def chance(seed) -> random.Random:
    return random.Random(seed)


@pytest.fixture(scope="session")
def thorough() -> bool:
    """Whether everything is to be tried (tests/attack/run --hours), not a sample."""
    return os.environ.get("LASTGASP_THOROUGH") == "yes"


def pytest_report_header() -> str:
    return f"LASTGASP_SEED={SEED}"
