"""Component 9, Front-end: check, route, ask, decide, explain, store, and only then answer.

One path for a single prediction, a batch, the V2 protocol, the try-it page and a replay:
they differ in how they read a request and show an answer.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from registry.actors import Actor
from registry.errors import DomainError, TooLarge
from registry.identifiers import uuid7
from registry.models import Project
from serving import predictions
from serving.frontend import asking, asks, failures, shadows
from serving.frontend.asking import Work
from serving.frontend.rows import reason_of, rows_of
from serving.frontend.tokens import feedback_token
from serving.model_server import states
from serving.model_server.states import State

LARGEST_BATCH = 10_000
Body = dict[str, Any]
Result = Body | DomainError
Commit = Callable[[list[Result]], None]


def answer(
    *, project: Project, request: Mapping[str, Any], actor: Actor, now: datetime
) -> tuple[int, Body]:
    """(200, answer), or (status, problem document without its type)."""
    try:
        return 200, predict(project=project, request=request, actor=actor, now=now)
    except DomainError as error:
        return error.status, problem(error)


def predict(
    *,
    project: Project,
    request: object,
    actor: Actor,
    now: datetime,
    commit: Callable[[Body], None] | None = None,
) -> Body:
    """The answer to one request; raises what is wrong with it. `commit` is called with
    the answer inside the transaction that stores it."""

    def also(results: list[Result]) -> None:
        if commit is not None and isinstance(results[0], dict):
            commit(results[0])

    (result,) = _serve([request], project=project, actor=actor, now=now, commit=also)
    if isinstance(result, DomainError):
        raise result
    return result


def predict_batch(
    *,
    project: Project,
    requests: Sequence[object],
    actor: Actor,
    now: datetime,
    commit: Commit | None = None,
) -> list[Result]:
    """An answer or an error for each request, in their order. Stored in chunks; with
    `commit`, all in one transaction, because it is one answer that is remembered."""
    if len(requests) > LARGEST_BATCH:
        raise TooLarge(
            f"{len(requests):,} requests: send at most {LARGEST_BATCH:,} at once, or "
            "start a scoring."
        )
    size = predictions.CHUNK
    chunks = [requests[i : i + size] for i in range(0, len(requests), size)]
    given: dict[str, Any] = {"project": project, "actor": actor, "now": now}
    if commit is None:
        return [result for chunk in chunks for result in _serve(chunk, **given)]
    with transaction.atomic():
        results = [result for chunk in chunks for result in _serve(chunk, **given)]
        commit(results)
    return results


def problem(error: DomainError) -> Body:
    """An error as it stands in a batch, at the place of its answer."""
    body: Body = {
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.errors:
        body["errors"] = [
            {"field": each.field, "message": each.message} for each in error.errors
        ]
    return body


def _serve(
    requests: Sequence[object],
    *,
    project: Project,
    actor: Actor,
    now: datetime,
    commit: Commit | None = None,
) -> list[Result]:
    started = time.perf_counter()
    state = states.current(project)
    errors: list[DomainError | None] = []
    works: list[Work] = []
    for request in requests:
        try:
            ask = asks.read(request, project=state.project, now=now)
        except DomainError as error:
            errors.append(error)
        else:
            errors.append(None)
            works.append(Work(ask=ask, id=uuid7(now)))
    for work in works:
        asking.route(work, state)
        asking.check(work, state)
    asking.ask_all(works, state)
    latency = (time.perf_counter() - started) * 1000 / max(len(works), 1)
    told = iter([_result(work, state, latency) for work in works])
    results = [error or next(told) for error in errors]
    rows = list(rows_of(works, state, actor=actor, now=now, latency=latency))
    if rows:
        predictions.store(rows, also=lambda: commit(results) if commit else None)
    answered = [work for work in works if work.answer and not work.ask.test]
    failures.count(answered, state)
    transaction.on_commit(lambda: shadows.offer(answered, state, now=now))
    return results


def _result(work: Work, state: State, latency: float) -> Result:
    """The contract's answer: optional fields are there or not, never null."""
    said, version = work.answer, work.version
    if said is None or version is None:
        return work.error or DomainError("No answer.")
    body: Body = {"id": str(work.id), **said.said()}
    if said.decision:
        body["decision"] = said.decision
    body["model"] = f"{state.project.slug}/{version.number}"
    body["variant"] = work.variant
    if work.failures:
        body["fallback"] = reason_of(work)
    if work.explanation:
        body["explanation"] = work.explanation
    if work.warnings:
        body["warnings"] = work.warnings
    body["feedback_token"] = feedback_token(work.id)
    body["latency_ms"] = round(latency, 3)
    return body
