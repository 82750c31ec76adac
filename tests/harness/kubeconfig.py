"""kubeconfig files in every form that people write."""
import base64
import pathlib

import yaml

from tests.apiserver.apiserver import ApiServer


def data(path: pathlib.Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def kubeconfig(path: pathlib.Path, cluster: dict, user: dict, **changes) -> pathlib.Path:
    """Writes PATH with one context; CHANGES replace what is at the top."""
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
        **changes}))
    return path


def cluster(api: ApiServer, **changes) -> dict:
    return {"server": api.url, "certificate-authority": str(api.ca), **changes}


def files(api: ApiServer, user: str) -> dict:
    return {"client-certificate": str(api.directory / f"{user}.crt"),
            "client-key": str(api.directory / f"{user}.key")}
