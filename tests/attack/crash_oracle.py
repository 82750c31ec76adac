"""What the audit log must say, whatever was killed."""
from tests.attack.oracle import write_of
from tests.harness.audit import AuditLog
from tests.harness.fleet import Fleet, Node

LEDGER = ("leases", "lastgasp")


class Oracle:
    """Reads the audit log on from where it was: what lastgasp wrote, and under which uid."""

    def __init__(self, fleet: Fleet):
        self.fleet, self.api = fleet, fleet.api
        self._log = AuditLog(fleet.api.directory / "audit.log")
        self._nodes: set[str] = set()
        self._uids: dict[tuple[str, str], str] = {}
        self._deleted: set[str] = set()

    def expects(self, node: Node, pods: bool = True) -> None:
        """From here on the Node may be written to, and so may its PODS."""
        self._nodes.add(node.name)
        self._uids["nodes", node.name] = node.uid
        self._deleted.discard(node.name)
        for pod in self.fleet.pods(node) if pods else []:
            self._uids["pods", pod["metadata"]["name"]] = pod["metadata"]["uid"]

    def was_deleted(self, node: Node) -> None:
        """By lastgasp, as far as it was judged, and its pods too."""
        assert node.name in self._deleted
        assert not self.api.exists(node.path), f"{node.path} is still there"
        assert self.fleet.pods(node) == []

    def judge(self) -> None:
        """All writes since it was last called."""
        for line in self._log.new():
            if (line["user"]["username"] in ("actuator", "correlator")
                    and line["stage"] in ("ResponseComplete", "Panic")
                    and line["verb"] not in ("get", "list", "watch")):
                self._judge(line)

    def _judge(self, line: dict) -> None:
        what = line["objectRef"]["resource"], line["objectRef"].get("name")
        assert line["user"]["username"] == "actuator", line
        if what == LEDGER:
            return
        if what[0] == "events":
            note = line["requestObject"]["note"]
            assert any(f"node {name}:" in note for name in self._nodes), line
            return
        assert what in self._uids, f"a write to somebody else's: {line}"
        write = write_of(line)
        assert write.uid or write.version, f"a write to whatever has that name: {line}"
        assert write.uid in (None, self._uids[what]), f"a stale uid: {line}"
        if what[0] == "nodes" and write.verb == "delete" and write.code == 200:
            assert what[1] not in self._deleted, f"deleted once more: {line}"
            self._deleted.add(what[1])
