"""Telemetry, where somebody asks for it: what happened is told, who and with what is not."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import override_settings

from mlsystem import checks, telemetry
from tests.processes import end_of, start_python

# A process of ours in which one page breaks, and one task runs and one fails.
CHILD = """
import sys, types
from django.conf import settings
from django.test import Client
from django.urls import path
from celery import shared_task
from registry.web.access import allow

@shared_task(name="tests.work")
def work(broken):
    if broken:
        raise ValueError("password=hunter2")

def breaks(request, token):
    body = request.body
    raise ValueError(f"It broke; token={token}")

breaks.access = {"POST": allow("anyone")}

urls = types.ModuleType("broken_urls")
urls.urlpatterns = [path("api/v1/door/<str:token>", breaks)]
sys.modules["broken_urls"] = urls
settings.ROOT_URLCONF = "broken_urls"
client = Client(raise_request_exception=False, headers={"X-ApiKey": "mls_secretkey1234"})
client.post("/api/v1/door/letmein?reference=patient7", {"name": "Annabella"}, REMOTE_ADDR="10.9.8.7", SERVER_NAME="localhost")
work.apply([False])
work.apply([True])
import sentry_sdk
from opentelemetry import trace
sentry_sdk.flush(timeout=60)
trace.get_tracer_provider().force_flush()
print("done")
"""
SECRETS = (
    "letmein",
    "patient7",
    "Annabella",  # three letters are soon among random bytes
    "10.9.8.7",
    "mls_secretkey1234",
    "hunter2",
)


@pytest.fixture
def collector() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A server that keeps what comes, by path."""
    seen: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            seen[self.path] = seen.get(self.path, b"") + body
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db(transaction=True)
def test_errors_and_traces_arrive_without_what_people_sent(
    collector: tuple[str, dict[str, bytes]],
) -> None:
    place, seen = collector
    child = start_python(
        CHILD,
        SENTRY_DSN=f"http://key@{place}/7",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{place}",
    )
    said = end_of(child)
    assert said.rstrip().endswith("done"), said

    errors = seen["/api/7/envelope/"].decode(errors="replace")
    assert "It broke" in errors
    assert "/api/v1/door/{token}" in errors  # the route alone
    traces = seen["/v1/traces"].decode(errors="replace")
    assert "POST api/v1/door/<str:token>" in traces
    assert "tests.work" in traces
    for secret in SECRETS:
        assert secret not in errors, secret
        assert secret not in traces, secret


@override_settings(SENTRY_DSN="https://key@example.org/7")
def test_without_its_package_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.telemetry_is_installed() == []
    monkeypatch.setattr(telemetry, "find_spec", lambda name: None)
    (warning,) = checks.telemetry_is_installed()
    assert "sentry_sdk is not installed" in warning.msg
    assert "requirements-telemetry.txt" in str(warning.hint)
    telemetry.start()  # and it starts all the same
