"""Records as the stages write them, for stand-ins to send."""
import datetime
import hashlib
import itertools
import time

from tests.harness.fleet import Node

_numbers = itertools.count(1)
MINUTE_US = 60_000_000


def digest(*parts: str) -> str:
    """An id: of a panic any will do, an incident's is made of its Node's uid and boot id."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part.encode()).to_bytes(8, "little") + part.encode())
    return sha.hexdigest()[:32]


def now_us() -> int:
    return time.time_ns() // 1000


def intent(node: Node, **changes) -> dict:
    now = now_us()
    return {"type": "intent", "id": digest(node.uid, node.boot), "node": node.name,
            "uid": node.uid, "boot": node.boot, "cause": "kernel-panic", "reason_code": "sysrq",
            "reason": "sysrq triggered crash", "verdict": "unverified",
            "words": "nobody asked the machine", "received_us": now,
            "expires_us": now + 15 * MINUTE_US, "panics": [digest("panic", str(next(_numbers)))],
            **changes}


def panic(source: str, **changes) -> dict:
    return {"type": "panic", "id": digest("panic", str(next(_numbers))), "source": source,
            "port": 6665, "received_us": now_us(), "proof": "line", "format": "basic",
            "text": "Kernel panic - not syncing: sysrq triggered crash", "reason_code": "sysrq",
            "reason": "sysrq triggered crash", **changes}


def seconds_between(earlier: str, later: str) -> float:
    """Of two times as Kubernetes writes them."""
    at = [datetime.datetime.fromisoformat(text) for text in (earlier, later)]
    return (at[1] - at[0]).total_seconds()
