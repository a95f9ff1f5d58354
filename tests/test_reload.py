"""Every process knows of a change within a second, without a broker, and answers on."""

import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.actors import COMMAND_LINE
from registry.models import Project
from registry.versions import forget_loaded
from serving import rollout
from serving.frontend import front
from serving.model_server import states
from serving.models import Rollout
from tests.factories import make_project, make_rule, make_serving, make_version
from tests.processes import start_python

pytestmark = [pytest.mark.touches_services]

ROW = {"tenure": 30, "monthly_charges": 100.0}

SERVE = """
import os, sys, time
from datetime import UTC, datetime
from registry.actors import COMMAND_LINE
from registry.models import Project
from serving.frontend import front

project = Project.objects.get(slug="churn")
request = {"input": {"tenure": 30, "monthly_charges": 100.0}, "test": True}
while not os.path.exists(sys.argv[1]):
    asked = time.time()
    status, body = front.answer(
        project=project, request=request, actor=COMMAND_LINE, now=datetime.now(UTC)
    )
    print(asked, status, body.get("model"), body.get("variant"), flush=True)
    time.sleep(0.02)
"""


Answer = tuple[float, int, str, str]  # when it was asked, status, model, variant


def told(line: str) -> Answer:
    assert len(line.split()) == 4, f"A process that answers said: {line!r}"
    asked, status, model, variant = line.split()
    return float(asked), int(status), model, variant


def answers_until(child: subprocess.Popen[str], moment: float) -> list[Answer]:
    """Its answers, up to the first one that was asked for after that moment."""
    assert child.stdout is not None
    found: list[Answer] = []
    while not found or found[-1][0] <= moment:
        found.append(told(child.stdout.readline()))
    return found


def rest_of(child: subprocess.Popen[str]) -> list[Answer]:
    assert child.stdout is not None
    with child.stdout as said:
        lines = said.read().splitlines()
    assert child.wait(timeout=60) == 0
    return [told(line) for line in lines]


@pytest.mark.django_db(transaction=True)
def test_two_processes_see_a_promote_within_a_second_and_answer_all_the_time(
    tmp_path: Path,
) -> None:
    project = make_serving().project
    version = make_version(project, model=make_rule(project, value=40))
    stop = tmp_path / "stop"
    children = [start_python(SERVE, str(stop)) for _ in range(2)]
    for child in children:  # both answer
        assert child.stdout is not None
        assert "churn/1" in child.stdout.readline()
    row = rollout.of_project(project)
    rollout.go_live(rollout=row, version=version, by="a test", revision=1)
    promoted = time.time()
    try:
        found = [answers_until(child, promoted + 1.0) for child in children]
    finally:
        stop.touch()
    for child, answers in zip(children, found, strict=True):
        answers += rest_of(child)
        assert {status for _, status, _, _ in answers} == {200}
        assert {variant for _, _, _, variant in answers} == {"live"}
        late = {model for asked, _, model, _ in answers if asked > promoted + 1.0}
        assert late == {"churn/2"}
        models = [model for _, _, model, _ in answers]
        assert models == sorted(models)  # nobody goes back


def ask(project: Project) -> dict[str, Any]:
    return front.predict(
        project=project,
        request={"input": ROW, "test": True},
        actor=COMMAND_LINE,
        now=datetime.now(UTC),
    )


@pytest.mark.django_db(transaction=True)
def test_while_one_thread_loads_the_others_are_served_by_the_old_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_serving().project
    assert ask(project)["model"] == "churn/1"
    load, begun, go_on = states.load_version, threading.Event(), threading.Event()

    def slow(version: Any) -> Any:
        if version.number == 2:
            begun.set()
            assert go_on.wait(20)
        return load(version)

    monkeypatch.setattr(states, "load_version", slow)
    row = rollout.of_project(project)
    version = make_version(project, model=make_rule(project, value=40))
    rollout.go_live(rollout=row, version=version, by="a test", revision=1)
    answers: list[str] = []

    def first() -> None:
        try:
            answers.append(ask(project)["model"])
        finally:
            connection.close()

    loader = threading.Thread(target=first)
    loader.start()
    assert begun.wait(20)
    for _ in range(5):  # the new version is on its way, nobody waits for it
        assert ask(project)["model"] == "churn/1"
    assert answers == []
    go_on.set()
    loader.join()
    assert answers == ["churn/2"]
    assert ask(project)["model"] == "churn/2"


@pytest.mark.django_db
def test_the_rollout_is_compared_twice_a_second_at_most() -> None:
    project = make_serving().project
    ask(project)
    began = time.monotonic()
    with CaptureQueriesContext(connection) as queries:
        for _ in range(10):
            ask(project)
    took = time.monotonic() - began
    compared = [q for q in queries.captured_queries if "serving_rollout" in q["sql"]]
    assert len(compared) <= 1 + took / 0.5


@pytest.mark.django_db
def test_whoever_changes_it_sees_it_at_once(
    django_capture_on_commit_callbacks: Any,
) -> None:
    project = make_serving().project
    ask(project)
    version = make_version(project, model=make_rule(project, value=40))
    with django_capture_on_commit_callbacks(execute=True):
        row = rollout.of_project(project)
        rollout.go_live(rollout=row, version=version, by="a test", revision=1)
    assert ask(project)["model"] == "churn/2"


@pytest.mark.django_db
def test_a_project_edit_is_seen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "CHECK_EVERY", 0.0)
    project = make_serving(make_project(control_share=0)).project
    assert ask(project)["variant"] == "live"
    Project.objects.update(control_share=100, revision=2)
    assert ask(project)["variant"] == "baseline"


@pytest.mark.django_db
def test_a_version_that_cannot_load_does_not_take_the_place_of_one_that_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(states, "CHECK_EVERY", 0.0)
    project = make_serving().project
    version = make_version(project)
    row = rollout.of_project(project)
    rollout.go_live(rollout=row, version=version, by="a test", revision=1)
    type(version).objects.filter(pk=version.pk).update(signature="forged")
    forget_loaded()
    body = ask(project)
    assert (body["model"], body["variant"]) == ("churn/1", "fallback")
    assert Rollout.objects.get().live.number == 2
