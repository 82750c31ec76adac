"""The Lease that all actuators share, as it is shipped; without it none of them writes."""
import yaml

from tests.harness.programs import ROOT

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lastgasp"}}
PATH = "/apis/coordination.k8s.io/v1/namespaces/lastgasp/leases/lastgasp"
# For tests that touch more nodes in a short time than anybody should by default.
UNLIMITED = ("--limit=1000/10m", "--limit-percent=100%/10m")


def load(api) -> None:
    """Into a simulated API server."""
    manifest = (ROOT / "systemd" / "kubernetes" / "ledger.yaml").read_text()
    api.load(NAMESPACE, *yaml.safe_load_all(manifest))
