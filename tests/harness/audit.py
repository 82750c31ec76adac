"""An API server's audit log, read on from where it was."""
import json
import threading
from pathlib import Path


class AuditLog:
    def __init__(self, path: Path):
        self.path = path
        self._offset = 0
        self._events: list[dict] = []  # all that find() has read
        self._lock = threading.Lock()

    def skip(self) -> None:
        """Forgets what was written so far."""
        self._events.clear()
        self._offset = self.path.stat().st_size

    def new(self) -> list[dict]:
        """What was written since the last call, oldest first.  The server may be in the middle of
        a line: that one is left for the next call."""
        with self.path.open("rb") as log:
            log.seek(self._offset)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._offset += len(whole + newline)
        return [json.loads(line) for line in whole.splitlines()]

    def find(self, user: str | None = None, verb: str | None = None, resource: str | None = None,
             stage: str = "ResponseComplete") -> list[dict]:
        """Of all events so far, oldest first.  A watch that is open has only its ResponseStarted;
        a request that the simulated server hung or reset has stage Panic."""
        with self._lock:
            self._events += self.new()
            return [event for event in self._events
                    if stage == event["stage"]
                    and user in (None, event["user"]["username"])
                    and verb in (None, event["verb"])
                    and resource in (None, event.get("objectRef", {}).get("resource"))]
