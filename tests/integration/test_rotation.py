"""Tokens and certificates that are replaced while the programs run."""
import pathlib

import pytest

from tests.harness.kubeconfig import cluster, files, kubeconfig

CLIENTS = ("correlator", "actuator")


def replace(path: pathlib.Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def acts(pipeline, fleet) -> None:
    """Both clients reach the server: the correlator finds a Node that is new, the actuator acts."""
    node = fleet.add()
    pipeline.panic(node)
    assert pipeline.ended(node)["outcome"] == "deleted"


@pytest.fixture
def tokens(api, tmp_path):
    """A token file a client; what the server knows is put back afterwards."""
    paths = {user: tmp_path / f"{user}.token" for user in CLIENTS}
    for user, path in paths.items():
        path.write_text(api.token(user) + "\n")
    yield paths
    api.set_tokens({api.token(user): user for user in ("admin", *CLIENTS)})


def test_a_new_token_is_taken_up_as_soon_as_the_old_one_is_refused(make_pipeline, fleet, api,
                                                                   tokens, tmp_path):
    configs = {user: kubeconfig(tmp_path / user, cluster(api), {"tokenFile": str(tokens[user])})
               for user in CLIENTS}
    pipeline = make_pipeline(kubeconfigs=configs).start()
    acts(pipeline, fleet)
    api.set_tokens({api.token("admin"): "admin", **{f"new-{user}": user for user in CLIENTS}})
    for user in CLIENTS:
        replace(tokens[user], f"new-{user}\n")
    api.watches("close")
    acts(pipeline, fleet)


def test_a_token_that_comes_only_after_refusals_is_taken_up(make_pipeline, fleet, api, tokens,
                                                            tmp_path):
    configs = {user: kubeconfig(tmp_path / user, cluster(api), {"tokenFile": str(tokens[user])})
               for user in CLIENTS}
    pipeline = make_pipeline(kubeconfigs=configs).start()
    acts(pipeline, fleet)
    api.set_tokens({api.token("admin"): "admin", **{f"new-{user}": user for user in CLIENTS}})
    node = fleet.add()
    pipeline.panic(node)
    api.wait_for(lambda: any(line["responseStatus"]["code"] == 401 for line in api.audit()))
    for user in CLIENTS:
        replace(tokens[user], f"new-{user}\n")
    assert pipeline.ended(node)["outcome"] == "deleted"


def test_new_client_certificates_are_taken_up(make_pipeline, fleet, api, tmp_path):
    configs = {user: kubeconfig(tmp_path / user, cluster(api), files(api, user))
               for user in CLIENTS}
    pipeline = make_pipeline(kubeconfigs=configs).start()
    acts(pipeline, fleet)
    api.rotate("clients")
    api.watches("close")
    acts(pipeline, fleet)


def test_a_server_with_a_new_certificate_is_reached_again(pipeline, fleet, api):
    acts(pipeline, fleet)
    api.rotate("server")
    api.away()
    api.away(False)
    acts(pipeline, fleet)
