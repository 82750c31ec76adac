"""The oracle of the races: the API server's audit log, and what the test knows of each machine.

Every write of an actuator is judged by when the server received it.  When it was sent nobody knows
exactly, least of all if the server was silent meanwhile; in doubt it was sent in time.
"""
import dataclasses
import datetime
import math
from collections.abc import Iterable
from typing import NamedTuple

from tests.apiserver.apiserver import ApiServer
from tests.harness.fleet import Node

# What the design promises, in seconds, and what a busy machine may take from the actuator's look
# at its evidence to the server's reading of the request.
IDENTITY, EVIDENCE, ON_THE_WAY = 1.0, 5.0, 1.0
GIVEN_UP = 8.0  # a request is not waited for longer


@dataclasses.dataclass
class Fate:
    """A Node that panicked.  Times are of the wall clock; what did not happen is at infinity."""
    node: Node
    pods: set[str]  # uids of all that were on it
    returned: float = math.inf  # since when the Node shows another boot or uid, or is gone
    blind: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    # from an evidence, the last one for long, to the next
    ended: float = math.inf  # since when every host knows that it answers, or has no time left


class Write(NamedTuple):
    """A request of an actuator about a Node or a pod, whether or not it had an effect."""
    at: float
    verb: str
    resource: str
    name: str
    uid: str | None
    version: str | None
    code: int


def seconds(timestamp: str) -> float:
    return datetime.datetime.fromisoformat(timestamp).timestamp()


def write_of(line: dict) -> Write:
    ref, body = line["objectRef"], line.get("requestObject") or {}
    names = body.get("preconditions" if line["verb"] == "delete" else "metadata", {})
    resource = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
    return Write(seconds(line["requestReceivedTimestamp"]), line["verb"], resource, ref["name"],
                 names.get("uid"), names.get("resourceVersion"),
                 line.get("responseStatus", {}).get("code", 0))


def writes(api: ApiServer, user: str = "actuator") -> list[Write]:
    lines = api.audit(user) + api.audit(user, stage="Panic")
    return sorted(write_of(line) for line in lines if line["verb"] in ("patch", "delete", "update")
                  and line["objectRef"]["resource"] in ("nodes", "pods"))


def sent(came: float, stalls: Iterable[tuple[float, float]]) -> float:
    """The earliest time at which a request that came then can have been sent."""
    held = sum(max(0.0, min(came, end) - max(came - GIVEN_UP, begin)) for begin, end in stalls)
    return came - min(held, GIVEN_UP) - ON_THE_WAY


def too_late(fate: Fate, left: float, came: float) -> str | None:
    """What made it wrong at every moment between the two."""
    if left > fate.returned + IDENTITY:
        return f"its machine has been back for {left - fate.returned:.2f} s"
    if left > fate.ended:
        return f"it was retracted or expired {left - fate.ended:.2f} s ago"
    for last, following in fate.blind:
        if last + EVIDENCE < left and came < following:
            return f"the last evidence is {left - last:.2f} s old"
    return None


def wrong(write: Write, by_name: dict[str, Fate], by_pod: dict[str | None, Fate],
          stalls: Iterable[tuple[float, float]]) -> str | None:
    """Why WRITE should not have been made; None: it was right."""
    of_node = write.resource == "nodes"
    fate = by_name.get(write.name) if of_node else by_pod.get(write.uid)
    if not fate:
        return "not of a Node that panicked, or not under the uid of a pod that died with one"
    if of_node and not write.version:
        return "no resourceVersion"
    if of_node and write.verb == "patch":
        return None
    if of_node and write.uid != fate.node.uid:
        return "not under the uid of the Node that panicked"
    return too_late(fate, sent(write.at, stalls), write.at)


def wrongs(api: ApiServer, fates: Iterable[Fate],
           stalls: Iterable[tuple[float, float]] = (), since: float = 0.0) -> list[str]:
    """What the actuators wrote SINCE then and should not have, each with why; STALLS: when the
    server was silent."""
    by_name = {fate.node.name: fate for fate in fates}
    by_pod = {uid: fate for fate in fates for uid in fate.pods}
    return [f"{why}: {write}" for write in writes(api) if write.at >= since
            and (why := wrong(write, by_name, by_pod, stalls))]


def other_boots(api: ApiServer, fates: Iterable[Fate]) -> list[str]:
    """Nodes that were deleted as another boot than the one that panicked.  There is no time at all
    in which this may happen, for the resourceVersion is a precondition."""
    boots = {change["object"]["metadata"]["uid"]: change["object"]["status"]["nodeInfo"]["bootID"]
             for change in api.changes("nodes") if change["type"] == "DELETED"}
    deleted = {write.uid for write in writes(api) if write.verb == "delete" and write.code == 200}
    return [fate.node.name for fate in fates if fate.node.uid in deleted
            and boots[fate.node.uid] != fate.node.boot]
