"""kubeconfig in all its forms: each is accepted or refused by both programs as by --check."""
import os
import re
import shutil
import subprocess

import pytest

from tests.harness.kubeconfig import cluster, data, files, kubeconfig
from tests.harness.programs import binary, run

PROGRAMS = ["correlator", "actuator"]


@pytest.fixture(params=PROGRAMS)
def program(request) -> str:
    return request.param


def arguments(program: str, folder, *more: str) -> list[str]:
    needed = {"correlator": [f"--to={folder / 'a'}"], "actuator": [f"--state={folder}"]}
    return [f"--socket={folder / 's'}", *needed[program], *more]


def check(program: str, config) -> subprocess.CompletedProcess:
    return run(f"lastgasp-{program}",
               *arguments(program, config.parent, f"--kubeconfig={config}", "--check"))


def asked_as(api) -> str:
    return api.audit()[-1]["user"]["username"]


def accepted(program, api, config, user: str) -> None:
    done = check(program, config)
    assert done.returncode == 0, done.stderr
    assert asked_as(api) == user


def token(api, user: str) -> dict:
    return {"token": api.token(user)}


USERS = {
    "token": token,
    "tokenFile": lambda api, user: {"tokenFile": str(api.directory / f"{user}.token")},
    "tokenFile goes before token": lambda api, user: {
        "token": "stale", "tokenFile": str(api.directory / f"{user}.token")},
    "certificate files": files,
    "certificate data": lambda api, user: {
        "client-certificate-data": data(api.directory / f"{user}.crt"),
        "client-key-data": data(api.directory / f"{user}.key")},
    "certificate data goes before files": lambda api, user: {
        "client-certificate": "/nonexistent", "client-key": "/nonexistent",
        "client-certificate-data": data(api.directory / f"{user}.crt"),
        "client-key-data": data(api.directory / f"{user}.key")},
}
CLUSTERS = {
    "CA file": cluster,
    "CA data": lambda api: {"server": api.url, "certificate-authority-data": data(api.ca)},
    "no verification": lambda api: {"server": api.url, "insecure-skip-tls-verify": True},
    "a slash at the end": lambda api: cluster(api, server=api.url + "/"),
    "a name that the certificate has": lambda api: cluster(
        api, server=f"https://localhost:{api.port}"),
    "tls-server-name": lambda api: cluster(api, **{"tls-server-name": "lastgasp-test-api"}),
}


@pytest.mark.parametrize("form", USERS)
def test_every_form_of_a_user_is_understood(program, api, tmp_path, form):
    config = kubeconfig(tmp_path / "config", cluster(api), USERS[form](api, program))
    accepted(program, api, config, program)


@pytest.mark.parametrize("form", CLUSTERS)
def test_every_form_of_a_cluster_is_understood(program, api, tmp_path, form):
    config = kubeconfig(tmp_path / "config", CLUSTERS[form](api), token(api, program))
    accepted(program, api, config, program)


def test_files_named_relatively_are_beside_the_kubeconfig(program, api, tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    for name in ("ca.crt", f"{program}.crt", f"{program}.key"):
        shutil.copy(api.directory / name, folder)
    config = kubeconfig(folder / "config", {"server": api.url, "certificate-authority": "ca.crt"},
                        {"client-certificate": f"{program}.crt", "client-key": f"./{program}.key"})
    accepted(program, api, config, program)


def test_the_current_context_of_several_is_taken(program, api, tmp_path):
    config = kubeconfig(
        tmp_path / "config", cluster(api), token(api, program), **{"current-context": "there"},
        contexts=[{"name": "here", "context": {"cluster": "c", "user": "other"}},
                  {"name": "there", "context": {"cluster": "c", "user": "u", "namespace": "x"}}])
    accepted(program, api, config, program)


def refused(program, config, field: str, words: str = "", status: int = 2) -> None:
    done = check(program, config)
    assert done.returncode == status, done.stderr
    message = [line for line in done.stderr.splitlines() if field in line]
    assert message and words in message[0], done.stderr
    assert re.search(re.escape(str(config)) + r":\d+", message[0]), done.stderr


REFUSED_USERS = {
    "exec": ({"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1"}},
             "tokenFile"),
    "auth-provider": ({"auth-provider": {"name": "gcp"}}, "tokenFile"),
    "username": ({"username": "admin", "password": "x"}, "tokenFile"),
    "as": ({"token": "x", "as": "admin"}, ""),
    "client-certificate-data": ({"client-certificate-data": "%%%", "client-key-data": "x"}, ""),
    "client-key": ({"client-key": "/nonexistent"}, "client-certificate"),
    "token": ({"token": "two words"}, ""),
}
REFUSED_CLUSTERS = {
    "proxy-url": ({"proxy-url": "http://proxy.invalid:3128"}, "reach directly"),
    "server": ({"server": "ftp://127.0.0.1"}, ""),
    "certificate-authority-data": ({"certificate-authority-data": "aGVsbG8="}, "BEGIN"),
    "insecure-skip-tls-verify": ({"insecure-skip-tls-verify": "maybe"}, ""),
    "tls-server-name": ({"tls-server-name": "not a name"}, ""),
}
REFUSED_FILES = {
    "current-context": {"current-context": None},
    "contexts": {"current-context": "elsewhere"},
    "clusters": {"clusters": []},
    "users": {"users": []},
}


@pytest.mark.parametrize("field", REFUSED_USERS)
def test_a_user_that_cannot_be_is_refused_with_file_line_and_field(program, api, tmp_path, field):
    user, words = REFUSED_USERS[field]
    refused(program, kubeconfig(tmp_path / "config", cluster(api), user), field, words)


@pytest.mark.parametrize("field", REFUSED_CLUSTERS)
def test_a_cluster_that_cannot_be_is_refused_with_file_line_and_field(program, api, tmp_path,
                                                                      field):
    change, words = REFUSED_CLUSTERS[field]
    refused(program, kubeconfig(tmp_path / "config", cluster(api, **change), token(api, program)),
            field, words)


@pytest.mark.parametrize("field", REFUSED_FILES)
def test_a_reference_that_leads_nowhere_is_refused_with_file_line_and_field(program, api, tmp_path,
                                                                            field):
    refused(program, kubeconfig(tmp_path / "config", cluster(api), token(api, program),
                                **REFUSED_FILES[field]), field)


def test_what_is_not_yaml_is_refused_with_file_and_line(program, tmp_path):
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nclusters:\n- name: [never closed\n")
    refused(program, config, str(config))


@pytest.mark.parametrize("make", ["nothing", "folder", "empty"])
def test_a_kubeconfig_that_cannot_be_read_is_refused_by_name(program, tmp_path, make):
    config = tmp_path / "config"
    if make == "folder":
        config.mkdir()
    elif make == "empty":
        config.write_text("")
    done = check(program, config)
    assert done.returncode == 2 and str(config) in done.stderr


@pytest.mark.parametrize("change, words", [
    ({"tls-server-name": "elsewhere.invalid"}, "elsewhere.invalid"),
    ({"certificate-authority": None}, "certificate"),
    ({"server": "https://127.0.0.1:1"}, "127.0.0.1")], ids=["name", "authority", "port"])
def test_a_server_that_cannot_be_trusted_or_reached_fails_the_check(program, api, tmp_path, change,
                                                                     words):
    config = kubeconfig(tmp_path / "config", cluster(api, **change), token(api, program))
    done = check(program, config)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_a_user_that_the_server_does_not_know_fails_the_check(program, api, tmp_path):
    done = check(program, kubeconfig(tmp_path / "config", cluster(api), {"token": "unknown"}))
    assert done.returncode == 1 and "Unauthorized" in done.stderr


def test_the_identity_of_a_pod_is_taken_without_a_kubeconfig(program, api, tmp_path):
    """In a mount namespace of its own, where the service account's folder is the test's."""
    shutil.copy(api.ca, tmp_path / "ca.crt")
    shutil.copy(api.directory / f"{program}.token", tmp_path / "token")
    script = ("mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io && "
              'ln -s "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"')
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, str(tmp_path), binary(f"lastgasp-{program}"),
         *arguments(program, tmp_path, "--check")], capture_output=True, text=True, timeout=20,
        check=False, env={**os.environ, "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                          "KUBERNETES_SERVICE_PORT": str(api.port)})
    assert done.returncode == 0, done.stderr
    assert asked_as(api) == program


def test_outside_a_pod_a_kubeconfig_is_asked_for(program, tmp_path):
    done = run(f"lastgasp-{program}", *arguments(program, tmp_path))
    assert done.returncode == 2 and "--kubeconfig" in done.stderr
