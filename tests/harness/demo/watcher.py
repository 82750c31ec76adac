"""Keeps what a watch says of objects that will be gone when somebody wants to look."""
import copy
import threading
import time

from kube_client import ApiError, Client

WATCH_S = 600


class Watcher:
    """The last state of each object of a collection, and when it was seen to go."""

    def __init__(self, api: Client, path: str):
        self.api, self.path = copy.copy(api), path
        self.api.timeout_s = WATCH_S  # nothing may happen for long
        self.last: dict[str, dict] = {}
        self.gone: dict[str, float] = {}
        version = api.get(path)["metadata"]["resourceVersion"]
        self._thread = threading.Thread(target=self._run, args=(version,), daemon=True)
        self._thread.start()

    def _run(self, version: str) -> None:
        path = f"{self.path}?watch=1&timeoutSeconds={WATCH_S}&resourceVersion={version}"
        try:
            for event in self.api.stream(path):
                name = event["object"]["metadata"].get("name")
                if event["type"] in ("ADDED", "MODIFIED"):
                    self.last[name] = event["object"]
                elif event["type"] == "DELETED":
                    self.last.setdefault(name, event["object"])
                    self.gone[name] = time.time()
        except (OSError, ApiError):
            pass  # the server ends with the demo
