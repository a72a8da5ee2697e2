"""Whoever keeps the service waiting: connections without requests, trickled headers and bodies."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from engine.recognizer import Recognizer
from engine.server.options import ServerOptions
from tests.server.conftest import Running, png, running
from tests.server.test_commands import free_port, wait_for

QUICK = ServerOptions(rate=0, header_seconds=1.0, body_seconds=1.0, send_seconds=1.0)
SERVE_WITH_FEW_DESCRIPTORS = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[1])))
from engine.cli import main
sys.argv = ["onelook", *sys.argv[2:]]
main()
"""


@pytest.fixture
def service(opened: Recognizer) -> Iterator[Running]:
    opened.enroll("cup", png(1))
    with running(opened, QUICK) as service:
        yield service


def connected(service: Running) -> socket.socket:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def answer_of(talking: socket.socket) -> bytes:
    """Everything until the service hangs up."""
    told = b""
    try:
        while piece := talking.recv(4096):
            told += piece
    except ConnectionResetError:
        pass
    return told


def trickled(talking: socket.socket, start: bytes, drop: bytes, seconds: float = 20) -> float:
    """Seconds for which the service took a drop each fifth of a second."""
    started = time.monotonic()
    talking.sendall(start)
    try:
        while time.monotonic() - started < seconds:
            talking.sendall(drop)
            time.sleep(0.2)
    except OSError:
        pass
    return time.monotonic() - started


@contextmanager
def served_with(descriptors: int, gallery: Path) -> Iterator[str]:
    """The address of a service that may open only so many files."""
    port = free_port()
    command = [sys.executable, "-c", SERVE_WITH_FEW_DESCRIPTORS, str(descriptors), "serve"]
    process = subprocess.Popen(
        [*command, "-g", str(gallery), "--rate", "0", "--port", str(port)],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process, None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_an_answers_body_doesnt_wait_until_its_headers_are_acknowledged(service: Running) -> None:
    """Which takes the other end 40 ms, and the two are sent one after the other."""
    with connected(service) as talking:
        talking.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert talking.recv(4096).startswith(b"HTTP/1.1 200")
        [connection] = service.server.server_state.connections
        there = connection.transport.get_extra_info("socket")
        assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_more_idle_connections_than_descriptors_keep_nobody_out(gallery: Path) -> None:
    with Recognizer.open(gallery, backbone="fake") as recognizer:
        recognizer.enroll("cup", png(1))
    with served_with(160, gallery) as url:
        port = int(url.rpartition(":")[2])
        idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(400)]
        for _ in range(3):
            assert httpx.get(f"{url}/healthz", timeout=20).status_code == 200
            answer = httpx.post(f"{url}/v1/recognize", files={"images": png(1)}, timeout=20)
            assert answer.json()["results"][0]["label"] == "cup"
        for connection in idle:
            connection.close()
        assert httpx.get(f"{url}/readyz", timeout=20).status_code == 200


def test_half_a_header_is_cut(service: Running) -> None:
    with closing(connected(service)) as talking:
        took = trickled(talking, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", b"a")
    assert took < 5


@pytest.mark.parametrize("path", ["/v1/session", "/v1/recognize", "/v1/jobs/enrolment"])
def test_a_trickled_body_is_cut(service: Running, path: str) -> None:
    kind = "application/json" if path == "/v1/session" else "multipart/form-data; boundary=x"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        "Content-Length: 5000\r\n\r\n"
    )
    part = '--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    start = head.encode() + (b" " if path == "/v1/session" else part.encode())
    with closing(connected(service)) as talking:
        assert trickled(talking, start, b" ") < 5
    with closing(connected(service)) as talking:
        talking.sendall(start)
        assert b" 408 " in answer_of(talking)
    assert httpx.get(f"{service.url}/healthz").status_code == 200


def test_the_rest_of_a_refused_body_is_not_waited_for(service: Running) -> None:
    head = (
        b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99999999\r\n\r\n"
    )
    with closing(connected(service)) as talking:
        assert trickled(talking, head, b" ") < 5


def test_an_answer_that_isnt_taken_is_let_go_of(service: Running) -> None:
    talking = socket.socket()
    talking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = service.url.removeprefix("http://").partition(":")
    talking.connect((host, int(port)))
    with closing(talking):
        asking = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        talking.sendall(200 * asking)
        started = time.monotonic()
        while service.server.server_state.connections:
            assert time.monotonic() - started < 15
            time.sleep(0.1)


def test_of_many_requests_some_are_told_to_come_back_and_health_answers(
    opened: Recognizer,
) -> None:
    options = ServerOptions(rate=0, max_connections=8, body_seconds=5.0)
    head = (
        b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n"
    )
    with running(opened, options) as service:
        slow = [connected(service) for _ in range(4)]
        for talking in slow:
            talking.sendall(head)
        time.sleep(0.3)
        busy = httpx.get(f"{service.url}/v1/gallery", timeout=20)
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "1")
        assert httpx.get(f"{service.url}/healthz", timeout=20).status_code == 200
        for talking in slow:
            talking.close()


def test_a_stranger_who_shakes_no_hands_is_let_go_of(
    opened: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.server import connections
    from tests.tls import certificate

    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.5)
    cert, key = certificate(tmp_path)
    options = ServerOptions(rate=0, tls_cert=cert, tls_key=key)
    with running(opened, options) as service:
        with closing(connected(service)) as talking:
            talking.settimeout(20)
            assert talking.recv(1) == b""
        trusted = ssl.create_default_context(cafile=str(cert))
        url = service.url.replace("http://127.0.0.1", "https://localhost")
        assert httpx.get(f"{url}/healthz", verify=trusted).status_code == 200


def test_a_connection_may_rest_between_requests_for_longer_than_its_headers_may_take(
    opened: Recognizer,
) -> None:
    """Longer than clients keep one, too: else a request is sent just as the service hangs up."""
    asking = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert ServerOptions().rest_seconds > httpx.Limits().keepalive_expiry  # type: ignore[operator]
    options = ServerOptions(rate=0, header_seconds=0.5, rest_seconds=3)
    with running(opened, options) as service, closing(connected(service)) as talking:
        for _ in range(2):
            talking.sendall(asking)
            told = b""
            while not told.endswith(b"}"):
                told += talking.recv(4096)
            assert b" 200 " in told
            time.sleep(2)
        assert answer_of(talking) == b""
