"""The simulated API server as a context manager, for pytest suites and the demo.

    with ApiServer() as api:
        api.generate(nodes=3, podsPerNode=4, addresses=["127.1.0.0/16"])
        api.faults({"verb": "patch", "resource": "pods", "action": "status", "status": 429, "retryAfter": 1})
        start_a_program(api.kubeconfig("actuator"))
        assert api.get("/api/v1/nodes/node-0")["metadata"]["annotations"]
        assert [line["verb"] for line in api.audit(user="actuator")] == ["get", "patch"]

The binary is $LASTGASP_APISERVER, else it is built with `go build` into the cache
folder ${LASTGASP_CACHE:-${XDG_CACHE_HOME:-~/.cache}/lastgasp}. What the faults and
the other calls take is said in faults.go and admin.go.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.harness.audit import AuditLog

SOURCE = Path(__file__).resolve().parent
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
START_SECONDS = 20


class ApiError(Exception):
    """An answer of 400 or more; .status is the decoded Status object."""

    def __init__(self, code: int, status: dict):
        super().__init__(f"{code} {status.get('reason')}: {status.get('message')}")
        self.code = code
        self.status = status


@functools.cache
def binary() -> str:
    """The server's program, built when the environment does not name one."""
    if named := os.environ.get("LASTGASP_APISERVER"):
        return named
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("LASTGASP_CACHE") or Path(caches) / "lastgasp")
    cache.mkdir(parents=True, exist_ok=True)
    target, new = cache / "apiserver", cache / f"apiserver.{os.getpid()}"
    go = subprocess.run([SOURCE.parent / "cluster" / "find-go"], check=True, text=True, stdout=subprocess.PIPE)
    subprocess.run([go.stdout.strip(), "build", "-o", str(new), "."], cwd=SOURCE, check=True)
    new.rename(target)
    return str(target)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("admin", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class ApiServer:
    def __init__(self, *options: str, http: bool = False):
        """options are more of the program's own, as "--bookmark-every=1s"."""
        self.options = list(options) + (["--http"] if http else [])
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "ApiServer":
        self.directory = Path(tempfile.mkdtemp(prefix="lastgasp-api-"))
        self.audit_log = AuditLog(self.directory / "audit.log")
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        command = [binary(), f"--dir={self.directory}", f"--audit={self.directory}/audit.log",
                   "--die-with-parent", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if readable else ""
        if not line.startswith("ready "):
            raise RuntimeError(f"the API server did not start: {command}")
        self.url = line.split()[1]
        self.port = urlsplit(self.url).port

    def stop(self):
        """Ends the server and removes its directory; twice does no harm."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # What a client needs.

    @property
    def ca(self) -> Path:
        return self.directory / "ca.crt"

    def kubeconfig(self, user: str) -> str:
        return str(self.directory / f"{user}.kubeconfig")

    def token(self, user: str) -> str:
        return (self.directory / f"{user}.token").read_text().strip()

    def set_tokens(self, tokens: dict[str, str]):
        """Replaces the token file by these, token -> user. Keep admin's own."""
        new = self.directory / "tokens.next"
        new.write_text("".join(f"{token},{user}\n" for token, user in tokens.items()))
        new.rename(self.directory / "tokens")

    # The API.

    def request(self, method: str, path: str, body=None, user: str = "admin",
                content_type: str = "application/json", headers: dict | None = None) -> tuple[int, dict]:
        """One API call: the code and the decoded answer, also of an error."""
        if urlsplit(self.url).scheme == "https":
            context = ssl.create_default_context(cafile=str(self.ca))
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token(user)}", "Content-Type": content_type, **(headers or {})}
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def _call(self, *args, **more) -> dict:
        code, answer = self.request(*args, **more)
        if code >= 400:
            raise ApiError(code, answer)
        return answer

    def get(self, path: str) -> dict:
        return self._call("GET", path)

    def list(self, path: str, **query) -> list[dict]:
        return self._call("GET", path + ("?" + urlencode(query) if query else ""))["items"]

    def create(self, path: str, obj: dict) -> dict:
        return self._call("POST", path, obj)

    def patch(self, path: str, patch: dict, content_type: str = STRATEGIC) -> dict:
        return self._call("PATCH", path, patch, content_type=content_type)

    def delete(self, path: str, options: dict | None = None) -> dict:
        return self._call("DELETE", path, options)

    def exists(self, path: str) -> bool:
        return self.request("GET", path)[0] == 200

    # Behind the API.

    def admin(self, method: str, path: str, body=None):
        with contextlib.closing(_UnixConnection(self.directory / "admin.sock")) as connection:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer = json.loads(response.read())
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    def load(self, *objects: dict):
        """Stores objects (with kind and apiVersion) as they are, in place of what is there."""
        self.admin("POST", "/objects", list(objects))

    def drop(self, resource: str, name: str, namespace: str = ""):
        """Removes an object, whatever protects it."""
        query = urlencode({"resource": resource, "name": name, "namespace": namespace})
        self.admin("DELETE", f"/objects?{query}")

    def generate(self, **cluster):
        """Makes nodes, their Leases, pods and owners; see struct cluster in generate.go."""
        self.admin("POST", "/generate", cluster)

    def faults(self, *rules: dict):
        """Adds rules behind those that are there; see struct fault in faults.go."""
        self.admin("POST", "/faults", list(rules))

    def fault_hits(self) -> list[int]:
        return [rule["hits"] for rule in self.admin("GET", "/faults")]

    def clear_faults(self):
        self.admin("DELETE", "/faults")

    def silent(self, on: bool = True):
        """Keeps all connections open and reads and answers nothing."""
        self.admin("POST", "/silent", {"on": on})

    def away(self, on: bool = True):
        """Closes the port and all connections; off opens the same port again."""
        self.admin("POST", "/away", {"on": on})

    def watches(self, op: str, **order) -> int:
        """To all open watches: "close", "error" (code=, reason=), "stall"; of one resource= only."""
        return self.admin("POST", "/watches", {"op": op, **order})["told"]

    def compact(self):
        """Makes older resourceVersions and continue tokens 410."""
        self.admin("POST", "/compact")

    def rotate(self, what: str):
        """New certificates of the "server", or of the "clients" (the old are refused)."""
        self.admin("POST", "/rotate", {"what": what})

    def rights(self, users: dict[str, list[str]]):
        """What users may do, as ["get nodes", "patch pods/status", "get leases kube-node-lease"]."""
        self.admin("POST", "/rights", users)

    def settings(self, **settings):
        """streamingList=bool, bookmarkEvery=seconds"""
        self.admin("POST", "/settings", settings)

    def counters(self) -> dict:
        return self.admin("GET", "/counters")

    def reset_counters(self):
        self.admin("DELETE", "/counters")

    def changes(self, resource: str, since: int = 0) -> list[dict]:
        """[{type, object}] of all that happened after that resourceVersion."""
        query = urlencode({"resource": resource, "since": since})
        return self.admin("GET", f"/changes?{query}")["events"]

    def last_states(self, resource: str, since: int = 0) -> dict[str, dict]:
        """By name, the last state of each object that changed, also of those that are gone."""
        return {c["object"]["metadata"]["name"]: c["object"] for c in self.changes(resource, since)}

    def churn(self, per_second: int, seconds: float):
        self.admin("POST", "/churn", {"perSecond": per_second, "seconds": seconds})

    def renew(self, every: float, except_: list[str] | None = None):
        """Renews the node Leases every so many seconds (0: no more), except of those nodes."""
        self.admin("POST", "/renew", {"every": every, "except": except_ or []})

    def audit(self, *wanted: str, **named: str) -> list[dict]:
        """The audit log's events, as AuditLog.find() has them."""
        return self.audit_log.find(*wanted, **named)

    def wait_for(self, condition, seconds: float = 10, what: str = ""):
        """Calls condition() until it gives something true, which is returned."""
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError(what or f"not within {seconds} s")
            time.sleep(0.02)
        return result
