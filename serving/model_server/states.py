"""Component 8, Model Server: what serves a project now, loaded, in this process.

A request asks at most every half second whether the rollout was changed; if it was, the
versions are loaded before the switch, and other requests get the old state meanwhile.
"""

import logging
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal

from registry.answering import LoadedVersion
from registry.errors import Conflict, Unavailable
from registry.models import ModelVersion, Project
from registry.versions import VersionBroken, load_version
from serving.models import Rollout
from serving.variants import Shares

logger = logging.getLogger(__name__)

CHECK_EVERY = 0.5  # seconds: every process knows of a change within one
NEVER = -1e9
RETRY_BROKEN = 10.0  # seconds until a version that did not load is tried again


@dataclass(frozen=True, kw_only=True)
class State:
    """One rollout with its versions in memory. `live` and `baseline` are what can answer:
    where a version is broken, the previous one or the baseline stands in for it."""

    project: Project
    revision: int
    project_revision: int
    shares: Shares
    live: LoadedVersion
    baseline: LoadedVersion
    candidate: LoadedVersion | None = None
    shadows: tuple[LoadedVersion, ...] = ()
    live_broken: str = ""  # why another version answers for live
    # Number of a version that should serve → why it cannot.
    degraded: dict[int, str] = field(default_factory=dict)


class _Place:
    """One project's state in this process, and when it was last compared."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.checked = NEVER
        self.loaded = NEVER
        self.lock = threading.Lock()


_places: dict[int, _Place] = {}
_places_lock = threading.Lock()


def current(project: Project) -> State:
    """What serves the project now. Conflict: no model yet."""
    place = _places.get(project.pk)
    if place is None:
        with _places_lock:
            place = _places.setdefault(project.pk, _Place())
    state = place.state
    if state is not None and time.monotonic() - place.checked < CHECK_EVERY:
        return state
    # One thread compares; whoever has an old state to serve from does not wait.
    if not place.lock.acquire(blocking=state is None) and state is not None:
        return state
    try:
        return _compared(place, project.pk)
    finally:
        place.lock.release()


def expire(project_id: int) -> None:
    """Compare at the next request: this process changed the rollout itself."""
    if place := _places.get(project_id):
        place.checked = NEVER


def forget() -> None:
    """Start anew, as another process would."""
    _places.clear()


def _compared(place: _Place, project_id: int) -> State:
    state, now = place.state, time.monotonic()
    if state is not None and now - place.checked < CHECK_EVERY:
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
    again = bool(state and state.degraded) and now - place.loaded > RETRY_BROKEN
    if state is None or not same or again:
        state = place.state = _load(project_id)
        place.loaded = time.monotonic()
    place.checked = time.monotonic()
    return state


def _load(project_id: int) -> State:
    rollout = Rollout.objects.select_related(
        "project",
        "live__project",
        "baseline__project",
        "previous__project",
        "candidate__project",
    ).get(project_id=project_id)
    degraded: dict[int, str] = {}
    live = _tried(rollout.live, degraded)
    baseline = _tried(rollout.baseline, degraded)
    # Degraded: the version before, or the baseline, answers for live.
    stand_in = live or _tried(rollout.previous, degraded) or baseline
    if stand_in is None:
        raise Unavailable(
            f"No version of {rollout.project} can be loaded: "
            + "; ".join(degraded.values())
        )
    candidate = _tried(rollout.candidate, degraded)
    shadows = [_tried(version, degraded) for version in rollout.shadows.all()]
    if rollout.mode == Rollout.Mode.SHADOW:
        shadows.insert(0, candidate)
    if rollout.state not in {Rollout.State.RUNNING, Rollout.State.HELD}:
        shadows = []
    return State(
        project=rollout.project,
        revision=rollout.revision,
        project_revision=rollout.project.revision,
        shares=_shares(rollout),
        live=stand_in,
        live_broken="" if live else degraded[rollout.live.number],
        baseline=baseline or stand_in,
        candidate=candidate,
        shadows=tuple(shadow for shadow in shadows if shadow is not None),
        degraded=degraded,
    )


def _tried(
    version: ModelVersion | None, degraded: dict[int, str]
) -> LoadedVersion | None:
    if version is None:
        return None
    try:
        return load_version(version)
    except VersionBroken as error:
        logger.error("%s cannot serve: %s", version, error.detail)
        degraded[version.number] = error.detail
        return None


def _shares(rollout: Rollout) -> Shares:
    running = rollout.state in {Rollout.State.RUNNING, Rollout.State.HELD}
    answers = running and rollout.mode in {Rollout.Mode.CANARY, Rollout.Mode.AB}
    return Shares(
        project=rollout.project.slug,
        salt=rollout.salt,
        percent=rollout.percent,
        targets=rollout.targets,
        baseline_for_all=rollout.baseline_for_all,
        control_percent=Decimal(rollout.project.control_share),
        candidate_answers=answers,
    )
