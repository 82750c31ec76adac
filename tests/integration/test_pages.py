"""The correlator's HTTP server: what it answers, and whom it does not let starve it."""
import contextlib
import os
import resource
import socket
import time

import pytest

from tests.harness.metrics import Pages
from tests.harness.programs import wait_until


@pytest.fixture(scope="module")
def many(api, fleet) -> int:
    """So many Nodes that what is said of them comes in several parts."""
    api.generate(first=5000, nodes=3000, podsPerNode=0, size=1500, addresses=["127.70.0.0/16"])
    return 3000


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def served(make_pipeline, pages):
    pipeline = make_pipeline(metrics=pages.endpoint).start()
    wait_until(lambda: can_connect(pages), 5, "the pages")
    return pipeline


def can_connect(pages: Pages) -> bool:
    try:
        pages.connect().close()
        return True
    except ConnectionRefusedError:
        return False


def open_files(program) -> int:
    return len(os.listdir(f"/proc/{program.pid}/fd"))


def test_head_is_get_without_the_page(served, pages):
    got, text = pages.request("/metrics")
    headed, nothing = pages.request("/metrics", "HEAD")
    assert (headed.status, nothing) == (200, "")
    assert headed.headers["Content-Type"] == got.headers["Content-Type"] \
        == "text/plain; version=0.0.4; charset=utf-8"
    assert int(got.headers["Content-Length"]) == len(text.encode())
    assert abs(int(headed.headers["Content-Length"]) - len(text.encode())) < 200
    assert pages.request("/nodes", "HEAD")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_what_could_change_something_is_not_allowed(served, pages, method):
    response, _ = pages.request("/metrics", method, b"x" * 3000)
    assert response.status == 405 and response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "/nodes/x", "/..", "*"])
def test_another_page_is_not_there(served, pages, path):
    assert pages.request(path)[0].status == 404


def test_a_query_changes_nothing(served, pages):
    response, text = pages.request("/metrics?name[]=x")
    assert response.status == 200 and "lastgasp_stage_up" in text


@pytest.mark.parametrize("line", [b"", b"GET", b"GET /metrics", b"GET  /metrics HTTP/1.1",
                                  b"GET /metrics HTTP/2.0", b"\x16\x03\x01", b"\0\0 / HTTP/1.1x"])
def test_what_is_no_request_is_told_so(served, pages, line):
    answer = pages.raw(line + b"\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"404", b"405"), answer


def test_a_head_that_does_not_end_is_refused(served, pages):
    answer = pages.raw(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 5000)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_request_may_come_byte_by_byte(served, pages):
    with pages.connect() as sock:
        for byte in b"GET /nodes HTTP/1.1\r\nHost: x\r\n\r\n":
            sock.sendall(bytes([byte]))
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_who_shuts_his_side_down_is_still_answered(served, pages):
    with pages.connect() as sock:
        sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert b"lastgasp_stage_up" in answer


def test_only_the_first_request_of_a_connection_is_answered(served, pages):
    answer = pages.raw(b"GET /nodes HTTP/1.1\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 200 OK") == 1


def test_who_asks_for_nothing_is_hung_up_on(served, pages):
    with pages.connect() as sock:
        sock.sendall(b"GET /metrics HT")
        began = time.monotonic()
        assert sock.recv(100) == b""
        assert 3 < time.monotonic() - began < 20


def test_a_thousand_idle_connections_keep_out_neither_a_scrape_nor_a_panic(served, pages, fleet):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    correlator = served.running["correlator"]
    before = open_files(correlator)
    try:
        with contextlib.ExitStack() as idle:
            for _ in range(1000):
                idle.enter_context(pages.connect())
            node = fleet.add(pods=0)
            served.panic(node)
            assert served.ended(node, 20)["outcome"] == "deleted"
            assert pages.samples()["lastgasp_correlator_http_displaced_total"] >= 900
            assert open_files(correlator) <= before + 40
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: open_files(correlator) <= before + 2, 20, "the connections closed")


def test_every_node_of_many_is_told_of_once(served, pages, many):
    wait_until(lambda: pages.nodes()[1]["nodes"] >= many, 20, "the Nodes")
    nodes, sums = pages.nodes()
    assert len(nodes) == sums["nodes"]
    assert {f"node-{5000 + i}" for i in range(many)} <= set(nodes)


def test_who_does_not_read_holds_up_nobody(served, pages, fleet, many):
    wait_until(lambda: pages.nodes()[1]["nodes"] >= many, 20, "the Nodes")
    with contextlib.ExitStack() as slow:
        for _ in range(40):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", pages.port))
            slow.enter_context(sock).sendall(b"GET /nodes HTTP/1.1\r\n\r\n")
        node = fleet.add(pods=0)
        served.panic(node)
        assert served.ended(node, 20)["outcome"] == "deleted"
        assert len(pages.nodes()[0]) >= many - 1
