"""Component 8, Model Server: what serves a project now, loaded, in this process.

A request asks at most every half second whether the rollout was changed; if it was, the
versions are loaded before the switch, and other requests get the old state meanwhile.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from registry.answering import LoadedVersion
from registry.errors import Conflict, Unavailable
from registry.models import ModelVersion, Project
from registry.versions import VersionBroken, load_version
from serving.models import Rollout
from serving.variants import BASELINE, CANARY, LIVE, Shares

logger = logging.getLogger(__name__)

CHECK_EVERY = 0.5  # seconds: every process knows of a change within one
NEVER = -1e9
ASKED = (Rollout.State.RUNNING, Rollout.State.HELD)  # states of a working candidate
RETRY_BROKEN = 10.0  # seconds until a version that did not load is tried again


@dataclass(frozen=True)
class Place:
    """A version where it should answer: loaded, or with the reason why it is not."""

    number: int
    loaded: LoadedVersion | None
    broken: str = ""


@dataclass(frozen=True, kw_only=True)
class State:
    """One rollout with its versions in memory."""

    project: Project
    revision: int
    project_revision: int
    shares: Shares
    # By route: who is asked first, and who answers in its place, in this order.
    chains: Mapping[str, tuple[Place, ...]]
    shadows: tuple[Place, ...] = ()

    @property
    def live(self) -> LoadedVersion:
        """What clients' requests are made for: live, or whoever stands in for it."""
        return next(place.loaded for place in self.chains[LIVE] if place.loaded)

    @property
    def degraded(self) -> dict[int, str]:
        """Number of a version that should serve and cannot → why."""
        places = (*self.shadows, *(p for chain in self.chains.values() for p in chain))
        return {place.number: place.broken for place in places if place.broken}


class _Slot:
    """One project's state in this process, and when it was last compared."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.checked = NEVER
        self.loaded = NEVER
        self.lock = threading.Lock()


_slots: dict[int, _Slot] = {}
_slots_lock = threading.Lock()


def current(project: Project) -> State:
    """What serves the project now. Conflict: no model yet. Unavailable: none loads."""
    state = _known(project)
    if not any(place.loaded for place in state.chains[LIVE]):
        raise Unavailable(
            f"No version of {project} can be loaded. "
            + " ".join(state.degraded.values()),
            retry_after=int(RETRY_BROKEN),
        )
    return state


def broken(project: Project) -> dict[int, str]:
    """Number of a version that should serve, and cannot in this process → why."""
    return _known(project).degraded


def _known(project: Project) -> State:
    slot = _slots.get(project.pk)
    if slot is None:
        with _slots_lock:
            slot = _slots.setdefault(project.pk, _Slot())
    state = slot.state
    if state is not None and time.monotonic() - slot.checked < CHECK_EVERY:
        return state
    # One thread compares; whoever has an old state to serve from does not wait.
    if not slot.lock.acquire(blocking=state is None) and state is not None:
        return state
    try:
        return _compared(slot, project.pk)
    finally:
        slot.lock.release()


def expire(project_id: int) -> None:
    """Compare at the next request: this process changed the rollout itself."""
    if slot := _slots.get(project_id):
        slot.checked = NEVER


def forget() -> None:
    """Start anew, as another process would."""
    _slots.clear()


def _compared(slot: _Slot, project_id: int) -> State:
    state, now = slot.state, time.monotonic()
    if state is not None and now - slot.checked < CHECK_EVERY:
        return state  # another thread was faster
    stamp = (
        Rollout.objects.filter(project_id=project_id)
        .values_list("revision", "project__revision")
        .first()
    )
    if stamp is None:
        raise Conflict(
            "There is no model yet: register a dataset, then a baseline answers.",
            extra={"reason": "no model yet"},
        )
    same = state is not None and stamp == (state.revision, state.project_revision)
    again = bool(state and state.degraded) and now - slot.loaded > RETRY_BROKEN
    if state is None or not same or again:
        state = slot.state = _load(project_id)
        slot.loaded = time.monotonic()
    slot.checked = now  # from when we asked: loading may take long
    return state


def _load(project_id: int) -> State:
    rollout = Rollout.objects.select_related(
        "project",
        "live__project",
        "baseline__project",
        "previous__project",
        "candidate__project",
    ).get(project_id=project_id)
    live, baseline = _place(rollout.live), _place(rollout.baseline)
    answering = [live, baseline]
    before = rollout.previous
    if live.broken and before and before.state == ModelVersion.State.ACCEPTED:
        answering.insert(1, _place(before))
    candidate = [_place(rollout.candidate)] if rollout.candidate else []
    return State(
        project=rollout.project,
        revision=rollout.revision,
        project_revision=rollout.project.revision,
        shares=shares_of(rollout),
        chains={
            LIVE: _each_once(answering),
            BASELINE: _each_once([baseline, *answering]),
            CANARY: _each_once([*candidate, *answering]),
        },
        shadows=tuple(_shadows(rollout, candidate)),
    )


def _place(version: ModelVersion) -> Place:
    try:
        return Place(version.number, load_version(version))
    except VersionBroken as error:
        logger.error("%s cannot serve: %s", version, error.detail)
        return Place(version.number, None, error.detail)


def _each_once(places: Sequence[Place]) -> tuple[Place, ...]:
    return tuple({place.number: place for place in places}.values())


def _shadows(rollout: Rollout, candidate: Sequence[Place]) -> list[Place]:
    if rollout.state not in ASKED:
        return []
    asked = [_place(v) for v in rollout.shadows.select_related("project")]
    return [*candidate, *asked] if rollout.mode == Rollout.Mode.SHADOW else asked


def shares_of(rollout: Rollout) -> Shares:
    """What the choice of a variant depends on."""
    answers = rollout.state in ASKED and rollout.mode in {
        Rollout.Mode.CANARY,
        Rollout.Mode.AB,
    }
    return Shares(
        project=rollout.project.slug,
        salt=rollout.salt,
        percent=rollout.percent,
        targets=rollout.targets,
        baseline_for_all=rollout.baseline_for_all,
        control_percent=Decimal(rollout.project.control_share),
        candidate_answers=answers,
    )
