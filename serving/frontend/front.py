"""Component 9, Front-end: check, route, ask, decide, explain, store, and only then answer.

One path for a single prediction, a batch, the V2 protocol, the try-it page and a replay:
they differ in how they read a request and show an answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
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
from serving.models import Prediction

LARGEST_BATCH = 10_000
Body = dict[str, Any]
Result = Body | DomainError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What models said, not stored yet: no transaction is open while they are asked."""

    results: list[Result]
    rows: list[Prediction]
    answered: list[tuple[list[Work], State]]  # what shadows are asked too
    now: datetime

    def store(self, also: Callable[[], None] | None = None) -> list[Result]:
        """Write the rows; those and what `also` writes are there together, or none."""
        predictions.store(self.rows, also=also)
        for works, state in self.answered:
            offer = partial(shadows.offer, works, state, now=self.now)
            transaction.on_commit(offer)
        return self.results


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
    asked = _ask([request], project=project, actor=actor, now=now)
    (result,) = asked.results
    if isinstance(result, DomainError):
        raise result
    asked.store(partial(commit, result) if commit else None)
    return result


def predict_batch(
    *, project: Project, requests: Sequence[object], actor: Actor, now: datetime
) -> list[Result]:
    """An answer or an error for each request, in their order; stored in chunks."""
    return [
        result
        for chunk in _chunks(requests)
        for result in _ask(chunk, project=project, actor=actor, now=now).store()
    ]


def ask_batch(
    *, project: Project, requests: Sequence[object], actor: Actor, now: datetime
) -> Asked:
    """The same, for whoever stores all of them or none."""
    parts = [
        _ask(chunk, project=project, actor=actor, now=now)
        for chunk in _chunks(requests)
    ]
    return Asked(
        results=[result for part in parts for result in part.results],
        rows=[row for part in parts for row in part.rows],
        answered=[each for part in parts for each in part.answered],
        now=now,
    )


def _chunks(requests: Sequence[object]) -> Iterator[Sequence[object]]:
    if len(requests) > LARGEST_BATCH:
        raise TooLarge(
            f"{len(requests):,} requests: send at most {LARGEST_BATCH:,} at once, or "
            "start a scoring."
        )
    for start in range(0, len(requests), predictions.CHUNK):
        yield requests[start : start + predictions.CHUNK]


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


def _ask(
    requests: Sequence[object], *, project: Project, actor: Actor, now: datetime
) -> Asked:
    started = perf_counter()
    state = states.current(project)
    errors: list[DomainError | None] = []
    works: list[Work] = []
    for request in requests:
        try:
            ask = asks.read(
                request, project=state.project, fields=state.live.fields, now=now
            )
        except DomainError as error:
            errors.append(error)
        else:
            errors.append(None)
            works.append(Work(ask=ask, id=uuid7(now)))
    for work in works:
        asking.route(work, state)
        asking.check(work, state)
    asking.ask_all(works, state)
    _share_the_rest(works, whole=1000 * (perf_counter() - started))
    told = iter([_result(work, state) for work in works])
    answered = [work for work in works if work.answer and not work.ask.test]
    # Though nothing may come to be stored: what the candidate did is no less true.
    failures.count(answered, state)
    return Asked(
        results=[error or next(told) for error in errors],
        rows=list(rows_of(works, state, actor=actor, now=now)),
        answered=[(answered, state)],
        now=now,
    )


def _share_the_rest(works: Sequence[Work], *, whole: float) -> None:
    """What no version needed (reading, checking, waiting) is the same for all."""
    rest = (whole - sum(work.took for work in works)) / max(len(works), 1)
    for work in works:
        work.took += rest
        work.lost += rest


def _result(work: Work, state: State) -> Result:
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
    body["latency_ms"] = round(work.took, 3)
    return body
