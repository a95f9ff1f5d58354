"""The server's entry point: slow, cut and huge requests hold up nobody else."""

import asyncio
import hashlib
import http.client
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from types import SimpleNamespace
from typing import Any

import pytest

from mlsystem import front
from mlsystem.front import Front
from mlsystem.version import BASE_DIR
from tests.full_disk import FullDisk
from tests.watching import accepts, eventually, free_port

THREADS = 2
LONG = 60.0  # seconds


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A WSGI application that tells what it was given; `/patience?1` sets how long its
    server waits for a body."""
    if environ["PATH_INFO"] == "/patience":
        front.PATIENCE = float(environ["QUERY_STRING"])
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"%d\n" % number for number in range(10_000))
    body = environ["wsgi.input"].read()
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    told["digest"] = hashlib.sha256(body).hexdigest()
    answer = json.dumps(told).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


def make() -> Front:
    """In a process of its own."""
    front.PATIENCE = LONG
    return Front(echo, threads=THREADS)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "rsgi", "--no-ws"),
            *("--port", str(port), "--log-level", "error"),
            *("--factory", "tests.test_front:make"),
        ],
        cwd=BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
    )
    try:
        eventually(lambda: accepts(port), within=90)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=LONG)


def ask(port: int, method: str, path: str, **more: Any) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)) as client:
        client.request(method, path, **more)
        answer = client.getresponse()
        return answer.status, answer.read()


def told(port: int, method: str, path: str, **more: Any) -> dict[str, str]:
    return json.loads(ask(port, method, path, **more)[1])


def half_sent(port: int, announced: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=LONG)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n"
    client.sendall(head.encode() + b"abc")
    return client


def test_a_request_reaches_the_application_whole(port):
    found = told(
        *(port, "POST", "/caf%C3%A9/x%20y?a=%41&b"),
        body=b'{"a": 1}',
        headers={"Content-Type": "application/json", "X-Api-Key": "k"},
    )

    assert found["PATH_INFO"].encode("latin-1").decode() == "/café/x y"
    assert found["QUERY_STRING"] == "a=%41&b"
    assert found["CONTENT_TYPE"] == "application/json"
    assert found["CONTENT_LENGTH"] == "8"
    assert found["HTTP_X_API_KEY"] == "k"
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    assert found["digest"] == hashlib.sha256(b'{"a": 1}').hexdigest()


def test_a_header_with_an_underscore_does_not_pass_for_another(port):
    found = told(port, "GET", "/", headers={"X_Forwarded_For": "1.2.3.4"})

    assert "HTTP_X_FORWARDED_FOR" not in found


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_any_size_arrives_as_it_was_sent(port, size, chunked):
    body = os.urandom(size)

    pieces = (body[at : at + 10_000] for at in range(0, size, 10_000))
    found = told(port, "POST", "/", body=pieces if chunked else body)

    assert found["digest"] == hashlib.sha256(body).hexdigest()
    assert found["CONTENT_LENGTH"] == str(size)


@pytest.mark.faults
def test_half_sent_requests_do_not_hold_up_others(port):
    with ExitStack() as open_:
        clients = [
            open_.enter_context(half_sent(port, announced))
            for announced in [100] * 50 + [1_000_000] * 50
        ]

        found = told(port, "GET", "/")

        assert found["PATH_INFO"] == "/"
        answered, _, _ = select.select(clients, [], [], 0)
        assert answered == []  # all of them are waited for


@pytest.mark.faults
@pytest.mark.parametrize("announced", [100, 1_000_000])
def test_a_half_sent_request_ends_with_a_408(port, announced):
    told(port, "GET", "/patience?0.5")
    try:
        with half_sent(port, announced) as client:
            answer = client.recv(1000).decode()
    finally:
        told(port, "GET", f"/patience?{LONG}")

    assert answer.startswith("HTTP/1.1 408 ")
    assert "application/problem+json" in answer
    assert '"urn:mlsystem:problem:request-timeout"' in answer


def refused(*, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """The refusal that a client gets for this body."""
    told = []

    class Client:
        async def __call__(self):
            return body

        async def __aiter__(self):
            yield body

        def response_str(self, *answer):
            told.append(answer)

    scope = SimpleNamespace(proto="http", headers={"content-length": str(len(body))})
    answer = Front(echo, threads=THREADS).__rsgi__(scope, Client())
    with ThreadPoolExecutor(1) as pool:  # in this thread a browser's loop may run
        pool.submit(asyncio.run, answer).result()
    ((status, headers, text),) = told
    return status, dict(headers), json.loads(text)


def test_a_full_house_says_when_to_come_back(monkeypatch):
    monkeypatch.setattr(front, "ALL_BODIES", 1)

    status, headers, problem = refused(body=b"two")

    assert (status, int(headers["retry-after"])) == (503, 5)
    assert problem["type"] == "urn:mlsystem:problem:temporarily-unavailable"


@pytest.mark.faults
def test_a_body_that_finds_the_disk_full_is_told_so(monkeypatch):
    monkeypatch.setattr(front.tempfile, "TemporaryFile", FullDisk)

    status, headers, problem = refused(body=bytes(front.IN_MEMORY + 1))

    assert (status, int(headers["retry-after"])) == (503, 2)
    assert problem["detail"].startswith("The disk is full")


@pytest.mark.faults
def test_a_body_cut_short_never_reaches_the_application(port):
    with half_sent(port, 100) as client:
        client.shutdown(socket.SHUT_WR)

        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_long_answer_is_passed_on_in_full(port):
    status, body = ask(port, "GET", "/stream")

    assert status == 200
    assert body.split() == [b"%d" % number for number in range(10_000)]


@pytest.mark.parametrize("path", ["/", "/stream"])
def test_head_answers_without_a_body(port, path):
    assert ask(port, "HEAD", path) == (200, b"")


def test_clients_that_go_away_leave_no_thread_behind(port):
    for _ in range(THREADS * 3):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(10)

    assert told(port, "GET", "/")["PATH_INFO"] == "/"
