"""The web server is killed in the middle of requests: every answered row is there."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from labelling.models import GroundTruth
from registry.models import Event
from serving.models import Prediction, PredictionInbox
from tests.factories import make_key, make_rows, make_serving
from tests.processes import child_environment
from tests.watching import accepts, eventually, family, free_port, linux

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]
CLIENTS = 6  # at once, so that some are always half-way


@dataclass
class Heard:
    """What clients were told was taken in, until their connection broke."""

    predictions: set[str] = field(default_factory=set)
    truths: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    broken: int = 0


def start(port: int) -> subprocess.Popen[bytes]:
    """The program that `up web` starts, without its supervisor."""
    from mlsystem.supervisor.programs import web

    command = [str(part) for part in web().command]
    command[command.index("--port") + 1] = str(port)
    server = subprocess.Popen(
        command, env=child_environment(PORT=str(port)), start_new_session=True
    )
    eventually(lambda: accepts(port), within=60)
    return server


def client(port: int, key: str, name: str, heard: Heard) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def post(path: str, body: Any) -> Any:
        headers = {"X-Api-Key": key, "Content-Type": "application/json"}
        address = f"/api/v1/projects/churn/{path}"
        connection.request("POST", address, json.dumps(body), headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status < 300, told
        return told

    try:
        for number, row in enumerate(make_rows(10_000)):
            mine = f"{name}-{number}"
            told = post("predict", {"input": row, "reference": mine})
            heard.predictions.add(told["id"])
            post("truth", {"reference": mine, "value": "Yes"})
            heard.truths.add(mine)
            fact = {"stream": "calls", "id": mine, "key": {"customer": mine}}
            post("events", {"events": [fact | {"known_at": "2026-01-01T10:00:00Z"}]})
            heard.events.add(mine)
    except (OSError, http.client.HTTPException):
        heard.broken += 1


@pytest.mark.faults
@linux
def test_whatever_was_answered_before_the_web_server_was_killed_is_stored() -> None:
    project = make_serving().project
    key = make_key(project, "predict", "truth")
    port, heard = free_port(), Heard()
    server = start(port)
    clients = [
        threading.Thread(target=client, args=(port, key, f"client {n}", heard))
        for n in range(CLIENTS)
    ]
    try:
        for one in clients:
            one.start()
        eventually(lambda: len(heard.events) > 40, within=60)
        for pid in (*family(server.pid), server.pid):
            with contextlib.suppress(ProcessLookupError):  # ended with its parent
                os.kill(pid, signal.SIGKILL)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    for one in clients:
        one.join(timeout=30)
    assert heard.broken == CLIENTS

    stored = {str(pk) for pk in Prediction.objects.values_list("pk", flat=True)}
    assert heard.predictions <= stored
    # Each asked in one statement: a commit that was on its way may still arrive.
    rows = PredictionInbox.objects.values("prediction_id")
    uncounted = Prediction.objects.exclude(pk__in=rows)
    assert not uncounted.exists(), "a row without its inbox row is never counted"
    lost = PredictionInbox.objects.exclude(
        prediction_id__in=Prediction.objects.values("pk")
    )
    assert not lost.exists(), "an inbox row came before its prediction"
    truths = set(GroundTruth.objects.values_list("key", flat=True))
    assert heard.truths <= truths
    assert heard.events <= set(Event.objects.values_list("event_id", flat=True))
