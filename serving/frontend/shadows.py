"""Component 9, Front-end: shadows are asked after the answer, and never delay one.

They wait in a queue of bounded size; what does not fit is dropped and counted.
"""

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import Error as DatabaseError
from django.db import close_old_connections

from registry.answering import LoadedVersion
from registry.errors import DomainError
from registry.identifiers import uuid7
from serving import predictions
from serving.frontend import asking, failures
from serving.frontend.asking import Work
from serving.frontend.rows import row_of
from serving.model_server.states import State
from serving.models import Prediction

logger = logging.getLogger(__name__)

MOST_WAITING = 2_000  # answers; each holds its input in memory


@dataclass(frozen=True, slots=True)
class _Batch:
    works: Sequence[Work]
    state: State
    now: datetime


class _Queue:
    """Answers that wait for their shadows in this process, and the one who asks them."""

    def __init__(self) -> None:
        self.process = os.getpid()  # a thread does not survive a fork
        self.waiting: deque[_Batch] = deque()
        self.size = 0  # answers waiting or being worked on
        self.changed = threading.Condition()
        self.counts: Counter[tuple[int, str]] = Counter()
        self.thread: threading.Thread | None = None

    def put(self, batch: _Batch) -> None:
        project = batch.state.project.pk
        with self.changed:
            room = max(MOST_WAITING - self.size, 0)
            taken = batch.works[:room]
            if dropped := len(batch.works) - len(taken):
                self.counts[project, "dropped"] += dropped
                logger.warning("%d shadows of %s dropped", dropped, batch.state.project)
            if taken:
                self.size += len(taken)
                self.waiting.append(replace(batch, works=taken))
                self.changed.notify_all()
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(
                    target=self._work, name="shadows", daemon=True
                )
                self.thread.start()

    def _work(self) -> None:
        while True:
            with self.changed:
                while not self.waiting:
                    self.changed.wait()
                batch = self.waiting.popleft()
            stored = failed = 0
            try:
                stored, failed = _ask(batch)
            except (DatabaseError, DomainError) as error:
                logger.warning("%d shadows not stored: %s", len(batch.works), error)
            finally:
                close_old_connections()
                self._done(batch, stored, failed)

    def _done(self, batch: _Batch, stored: int, failed: int) -> None:
        project = batch.state.project.pk
        with self.changed:  # who waits for the end reads the whole count
            self.counts[project, "stored"] += stored
            self.counts[project, "failed"] += failed
            self.size -= len(batch.works)
            self.changed.notify_all()

    def drained(self, timeout: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.size == 0, timeout)


_queue = _Queue()


def offer(works: Sequence[Work], state: State, *, now: datetime) -> None:
    """Have the shadows of this state asked what was just answered."""
    if state.shadows and works:
        _mine().put(_Batch(works, state, now))


def counts(project_id: int) -> dict[str, int]:
    """Of this process: how many shadow answers were stored, failed, or dropped."""
    found = _mine().counts
    return {name: found[project_id, name] for name in ("stored", "failed", "dropped")}


def drained(timeout: float = 10.0) -> bool:
    """Wait until nothing waits any more; False when the time is over."""
    return _mine().drained(timeout)


def _mine() -> _Queue:
    global _queue  # one a process: a fork begins anew
    if _queue.process != os.getpid():
        _queue = _Queue()
    return _queue


def _ask(batch: _Batch) -> tuple[int, int]:
    """Ask every shadow about every answer; how many answered, how many failed."""
    stored = failed = 0
    for place in batch.state.shadows:
        if place.loaded is None:
            continue
        rows = _rows(batch, place.loaded)
        predictions.store(rows)
        bad = sum(bool(row.error) for row in rows)
        stored, failed = stored + len(rows) - bad, failed + bad
        for row in rows:
            failures.note(batch.state, place.number, row.error)
    return stored, failed


def _rows(batch: _Batch, version: LoadedVersion) -> list[Prediction]:
    shadows = [
        Work(
            ask=replace(work.ask, explain=False),
            id=uuid7(batch.now),
            unit=work.unit,
            clean=work.clean,
        )
        for work in batch.works
    ]
    started = time.perf_counter()
    asking.ask_group(shadows, version, batch.state)
    latency = (time.perf_counter() - started) * 1000 / len(shadows)
    rows = []
    for shadow, work in zip(shadows, batch.works, strict=True):
        row = row_of(
            shadow,
            role=Prediction.Role.SHADOW,
            state=batch.state,
            now=batch.now,
            shadow_of=work.id,
            latency_ms=latency,
            **({} if shadow.answer else {"version": version.version}),
        )
        if shadow.failures:
            row.error = shadow.failures[0][1][:500]
        elif shadow.error:
            row.error = shadow.error.detail[:500]
        rows.append(row)
    return rows
