"""Component 9, Front-end: a candidate that fails again and again goes off, and stays off."""

import logging
import threading
from collections.abc import Sequence

from registry.errors import Conflict, EditedMeanwhile
from serving import rollout
from serving.frontend.asking import Work
from serving.model_server import states
from serving.model_server.states import State
from serving.variants import CANARY

logger = logging.getLogger(__name__)

MOST_IN_A_ROW = 5

_lock = threading.Lock()
_rows: dict[tuple[int, int], int] = {}  # (project, its version's number) → in a row


def count(works: Sequence[Work], state: State) -> None:
    """Count the routed candidate's failures in a row; at the limit it goes off."""
    for work in works:
        if work.route == CANARY:
            number = state.chains[CANARY][0].number
            failed = bool(work.failures) and work.failures[0][0] == number
            note(state, number, work.failures[0][1] if failed else "")


def note(state: State, number: int, failure: str) -> None:
    """One more answer of a candidate, `failure` empty where it was good."""
    key = state.project.pk, number  # several may shadow
    with _lock:
        if not failure:
            _rows.pop(key, None)
            return
        times = _rows[key] = _rows.get(key, 0) + 1
    if times >= MOST_IN_A_ROW:
        _turn_off(state, number, failure)


def _turn_off(state: State, number: int, failure: str) -> None:
    row = rollout.of_project(state.project)
    if row.candidate is None or row.candidate.number != number:
        return  # somebody was faster
    reason = f"{MOST_IN_A_ROW} failures in a row, the last: {failure}"
    try:
        rollout.rollback(
            rollout=row, by="the front-end", revision=row.revision, reason=reason
        )
    except (Conflict, EditedMeanwhile):
        logger.info("%s was changed while its candidate was turned off", row)
    else:
        logger.error("%s: version %d is off: %s", row, number, reason)
        _rows.pop((state.project.pk, number), None)  # brought back, it begins anew
    states.expire(state.project.pk)


def forget() -> None:
    """Start anew, as another process would."""
    _rows.clear()
