"""Component 9, Front-end: who answers, and who answers instead when that one cannot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import UUID

from registry.answering import Answer, LoadedVersion, ModelFailure, Row
from registry.errors import DomainError, InvalidInput, Unavailable
from serving.frontend import inputs
from serving.frontend.asks import Ask
from serving.model_server.states import State
from serving.variants import LIVE, Caller, choose

FALLBACK = "fallback"
MOST_WARNINGS = 20


@dataclass(slots=True, kw_only=True)
class Work:
    """One ask on its way to an answer."""

    ask: Ask
    id: UUID
    unit: str = ""  # the sticky key
    route: str = LIVE
    warnings: list[dict[str, str]] = field(default_factory=list)
    clean: dict[str, Any] = field(default_factory=dict)  # input by live's schema
    seen: dict[str, Any] = field(default_factory=dict)  # by the asked version's schema
    # Set by whoever answered
    version: LoadedVersion | None = None
    row: Row = field(default_factory=dict)  # of features, as the model saw it
    answer: Answer | None = None
    explanation: dict[str, Any] | None = None
    # Whoever should have answered before, and why it did not
    failures: list[tuple[int, str]] = field(default_factory=list)
    # Milliseconds: its part of the time of those who were asked with it, and of that
    # what passed until the first of them had failed
    took: float = 0.0
    lost: float = 0.0
    error: DomainError | None = None  # no answer at all

    @property
    def variant(self) -> str:
        return FALLBACK if self.failures else self.route


def route(work: Work, state: State) -> None:
    """Choose the variant by baseline for all, control share, targets, sticky hash."""
    work.unit = work.ask.user or work.ask.entity or str(work.id)
    caller = Caller(unit=work.unit, user=work.ask.user, attributes=work.ask.attributes)
    work.route = choose(shares=state.shares, caller=caller)


def check(work: Work, state: State) -> None:
    """The input by the schema clients were told; what is wrong becomes `work.error`."""
    try:
        work.clean, warnings = inputs.checked(work.ask, state.live, state)
        work.warnings = warnings[:MOST_WARNINGS]
    except InvalidInput as error:
        work.error = error


def ask_all(works: Sequence[Work], state: State) -> None:
    """Fill in every work's answer, or its error; nothing is raised for one of them."""
    for turn in range(max(len(chain) for chain in state.chains.values())):
        waiting: dict[int, tuple[LoadedVersion, list[Work]]] = {}
        for work in works:
            chain = state.chains[work.route]
            if work.answer or work.error or turn >= len(chain):
                continue
            place = chain[turn]
            if place.loaded is None:
                work.failures.append((place.number, place.broken))
            else:
                waiting.setdefault(place.number, (place.loaded, []))[1].append(work)
        for version, group in waiting.values():
            ask_group(group, version, state)
    for work in works:
        if not work.answer and not work.error:
            why = " ".join(f"Version {n}: {reason}." for n, reason in work.failures)
            work.error = Unavailable(f"No version could answer. {why}")


def ask_group(group: Sequence[Work], version: LoadedVersion, state: State) -> None:
    """Ask for all at once; if that fails, one by one, so that one row harms no other."""
    ready = [work for work in group if _fits(work, version, state)]
    if not ready:
        return
    try:
        with _timed(ready):
            _ask(ready, version, state)
    except (ModelFailure, Unavailable) as failure:
        if len(ready) == 1:
            (work,) = ready
            work.lost = work.lost or work.took
            work.failures.append((version.number, str(failure)))
            return
        for work in ready:
            ask_group([work], version, state)


@contextmanager
def _timed(works: Sequence[Work]) -> Iterator[None]:
    """By version: a slow candidate in a batch makes live no slower than it is."""
    started = perf_counter()
    try:
        yield
    finally:
        each = 1000 * (perf_counter() - started) / len(works)
        for work in works:
            work.took += each


def _fits(work: Work, version: LoadedVersion, state: State) -> bool:
    """Read the input by this version's own schema, which may not be live's."""
    work.seen = work.clean
    if version.fields == state.live.fields:
        return True
    try:
        work.seen, _ = inputs.checked(work.ask, version, state)
    except InvalidInput as error:
        work.failures.append((version.number, f"refuses the input: {error.detail}"))
        return False
    return True


def _ask(works: Sequence[Work], version: LoadedVersion, state: State) -> None:
    project, asks = state.project, [work.ask for work in works]
    seen = [work.seen for work in works]
    if version.features.get("lookups"):
        seen = inputs.looked_up(project, version, seen, asks)
    pairs = zip(works, seen, strict=True)
    found = [(w, row) for w, row in pairs if _complete(w, version, row, state)]
    seen = [row for _, row in found]
    rows = inputs.features(project, version, seen, [work.ask for work, _ in found])
    answers = version.answer(rows, inputs=seen) if rows else []
    for (work, _), row, answer in zip(found, rows, answers, strict=True):
        work.version, work.row, work.answer = version, row, answer
        if work.ask.explain:
            _explain(work, version)


def _complete(work: Work, version: LoadedVersion, row: Row, state: State) -> bool:
    problem = inputs.still_missing(work.ask, version, row)
    if problem is None:
        return True
    if version.fields == state.live.fields:
        work.error = problem
    else:  # clients were told live's schema: this version is at fault, not they
        work.failures.append((version.number, f"lacks an input: {problem.detail}"))
    return False


def _explain(work: Work, version: LoadedVersion) -> None:
    """An answer without its explanation is still an answer."""
    try:
        (work.explanation,) = version.explain([work.row])
    except ModelFailure as failure:
        message = f"Version {version.number} could not explain itself: {failure}."
        work.warnings.append({"field": "explain", "message": message})
