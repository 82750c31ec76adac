"""Which Nodes lastgasp wrote about, by the audit log."""
import collections
import re

from tests.attack.oracle import seconds
from tests.harness.fleet import Fleet


def writes_of_nodes(fleet: Fleet) -> dict[str, list[float]]:
    """When something was written about each Node, its pods and in Events of it; without the
    ledger."""
    nodes = {change["object"]["metadata"]["name"]: change["object"]["spec"].get("nodeName")
             for change in fleet.api.changes("pods")}
    found = collections.defaultdict(list)
    for line in fleet.writes():
        resource, name = line["objectRef"]["resource"], line["objectRef"].get("name")
        if resource == "events":
            name = re.search(r"node (\S+):", line["requestObject"]["note"])[1]
        if resource != "leases":
            found[nodes.get(name, name)].append(seconds(line["requestReceivedTimestamp"]))
    return found
