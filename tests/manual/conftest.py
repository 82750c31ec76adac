from tests.harness.fixtures import api, calm, fleet, make_pipeline  # noqa: F401
