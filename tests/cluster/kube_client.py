"""A client of the Kubernetes API for tests: plain JSON, one connection a request."""

import contextlib
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path

import yaml

from processes import wait_until

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    def __init__(self, code: int, reason: str, message: str):
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class Client:
    """Paths are API paths with an optional query: "/api/v1/nodes/x?dryRun=All"."""

    def __init__(self, port: int, authority: Path, token: str, timeout_s: float = 10):
        self.port = port
        self.tls = ssl.create_default_context(cafile=str(authority))
        self.token = token
        self.timeout_s = timeout_s

    def get(self, path: str) -> dict:
        return self._request("GET", path)

    def list(self, path: str) -> list[dict]:
        return self.get(path)["items"]

    def create(self, path: str, obj: dict) -> dict:
        return self._request("POST", path, obj)

    def replace(self, path: str, obj: dict) -> dict:
        return self._request("PUT", path, obj)

    def patch(self, path: str, body: object, type: str = STRATEGIC) -> dict:
        return self._request("PATCH", path, body, type)

    def patch_status(self, path: str, status: dict, type: str = STRATEGIC) -> dict:
        return self.patch(f"{path}/status", {"status": status}, type)

    def delete(self, path: str, body: dict | None = None) -> dict:
        return self._request("DELETE", path, body)

    def raw(self, path: str) -> str:
        """The answer's text, for paths that do not speak JSON, as /readyz."""
        connection, response = self._send("GET", path)
        with contextlib.closing(connection):
            return response.read().decode()

    def headers(self, path: str) -> Message:
        """The headers of the answer to a GET."""
        connection, response = self._send("GET", path)
        with contextlib.closing(connection):
            return response.headers

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def wait(self, path: str, check: Callable[[dict], object], seconds: float = 30) -> dict:
        """Gets path until check(object) is true, and returns the object."""
        def checked() -> dict | None:
            obj = self.get(path)
            return obj if check(obj) else None
        return wait_until(f"{path} as wanted", checked, seconds)

    def wait_gone(self, path: str, seconds: float = 30) -> None:
        wait_until(f"{path} is gone", lambda: not self.exists(path), seconds)

    def stream(self, path: str) -> Iterator[dict]:
        """The events of a watch, until the server ends it (give it a timeoutSeconds)."""
        connection, response = self._send("GET", path)
        with contextlib.closing(connection):
            for line in response:
                yield json.loads(line)

    def apply(self, *files: Path) -> None:
        """What `kubectl apply --server-side` does with manifest files."""
        for file in files:
            for obj in yaml.safe_load_all(file.read_text()):
                self.patch(f"{self._path_of(obj)}?fieldManager=tests&force=true", obj, APPLY)

    def _path_of(self, obj: dict) -> str:
        version = obj["apiVersion"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resource = next(r for r in self.get(group)["resources"] if r["kind"] == obj["kind"])
        metadata = obj["metadata"]
        namespace = f"/namespaces/{metadata['namespace']}" if resource["namespaced"] else ""
        return f"{group}{namespace}/{resource['name']}/{urllib.parse.quote(metadata['name'])}"

    def _request(self, method: str, path: str, body: object = None,
                 content_type: str = "application/json") -> dict:
        connection, response = self._send(method, path, body, content_type)
        with contextlib.closing(connection):
            return json.load(response)

    def _send(self, method: str, path: str, body: object = None,
              content_type: str = "application/json",
              ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls,
                                                 timeout=self.timeout_s)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        if response.status >= 300:
            with contextlib.closing(connection):
                raise api_error(response.status, response.read().decode())
        return connection, response


def api_error(code: int, text: str) -> ApiError:
    """Most refusals carry a Status object; those of the layers before the API are plain text."""
    try:
        status = json.loads(text)
    except ValueError:
        return ApiError(code, "", text)
    return ApiError(code, status.get("reason", ""), status.get("message", ""))
