"""Who serves whom: every change is one transaction, one revision, one event.

A verb reads the rollout it is given, checks that its state allows the step, and writes
`WHERE revision = …`: of two edits made on the same revision one wins, the other is told
(412). Exactly one version is live at any moment, because `live` is one column.
"""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Unpack

from django.db import IntegrityError, transaction

from registry import plans
from registry.clock import now as clock_now
from registry.errors import Conflict
from registry.models import ModelVersion, Project
from serving import candidates
from serving import rollout_rules as rules
from serving.model_server import states
from serving.models import Rollout
from serving.rollout_writes import By, Edit, change, guard, note, of_project

__all__ = [
    "Edit",
    "baseline_for_all",
    "go_live",
    "hold",
    "of_project",
    "open_with_baseline",
    "pause",
    "promote",
    "resume",
    "roles_of",
    "rollback",
    "set_baseline",
    "set_percent",
    "set_plan",
    "set_targets",
    "start",
]

State, Mode = Rollout.State, Rollout.Mode

ENDED: dict[str, Any] = {
    "candidate": None,
    "mode": Mode.NONE,
    "state": State.IDLE,
    "held_because": "",
    "percent": Decimal(0),
    "targets": [],
    "plan": [],
    "step": 0,
    "step_since": None,
    "started_at": None,
}


def open_with_baseline(
    *, project: Project, version: ModelVersion, by: By = None
) -> Rollout:
    """The project's first answer: `version` is its baseline and live at once."""
    if version.project_id != project.pk:
        raise ValueError(f"{version} is no version of {project}.")
    if version.state in {ModelVersion.State.REJECTED, ModelVersion.State.ARCHIVED}:
        raise Conflict(f"{version} is {version.state}: it cannot serve.")
    with transaction.atomic():
        candidates.accept(version, by)
        try:
            with transaction.atomic():
                rollout = Rollout.objects.create(
                    project=project, live=version, baseline=version, salt=_salt()
                )
        except IntegrityError:
            raise Conflict(f"{project} has a live model already.") from None
        note(rollout, action="open", edit={"by": by, "revision": 1})
        transaction.on_commit(lambda: states.expire(project.pk))
    return rollout


def start(
    *,
    rollout: Rollout,
    candidate: ModelVersion,
    mode: str,
    percent: object = None,
    targets: Sequence[Mapping[str, Any]] = (),
    plan: Sequence[Mapping[str, Any]] = (),
    **edit: Unpack[Edit],
) -> Rollout:
    """Bring a candidate in: shadow (asked, never answering), canary, or A/B.

    From shadow the same candidate may go on to canary or A/B. The salt is new, so that
    the same people are not always the first to try everything.
    """
    guard(rollout, edit)
    if mode not in {Mode.SHADOW, Mode.CANARY, Mode.AB}:
        raise candidates.wrong("mode", f"{mode!r}: write shadow, canary or ab.")
    shadowed = rollout.mode == Mode.SHADOW and rollout.candidate_id == candidate.pk
    if not (shadowed and mode != Mode.SHADOW):
        _need_idle(rollout)
    candidates.check_candidate(rollout, candidate)
    steps = plans.clean_plan(list(plan))
    now = clock_now()
    changes = {
        "candidate": candidate,
        "mode": mode,
        "state": State.RUNNING,
        "held_because": "",
        "percent": candidates.first_share(mode, percent, steps),
        "targets": candidates.targets_for(mode, list(targets)),
        "plan": steps,
        "step": 0,
        "step_since": now,
        "started_at": now,
        "salt": _salt(),
    }
    with transaction.atomic():
        candidates.accept(candidate, edit["by"])
        return change(rollout, "start", edit, changes)


def set_percent(*, rollout: Rollout, percent: object, **edit: Unpack[Edit]) -> Rollout:
    """Another share for the canary; a plan goes on from the step that share stands on."""
    guard(rollout, edit)
    share = plans.clean_percent(percent)
    if rollout.mode == Mode.AB:
        raise Conflict("An A/B test keeps its share: a change would bias its numbers.")
    if rollout.mode != Mode.CANARY:
        raise Conflict("There is no canary whose share could change.")
    changes = {
        "percent": share,
        "step": rules.step_of(rollout.plan, share),
        "step_since": clock_now(),
    }
    return change(rollout, "percent", edit, changes)


def set_targets(
    *, rollout: Rollout, targets: Sequence[Mapping[str, Any]], **edit: Unpack[Edit]
) -> Rollout:
    """Other people by name or attribute; whoever no target speaks of keeps their place."""
    guard(rollout, edit)
    _need_canary(rollout, "targets")
    changes = {"targets": rules.clean_targets(list(targets)), "step_since": clock_now()}
    return change(rollout, "targets", edit, changes)


def set_plan(
    *, rollout: Rollout, plan: Sequence[Mapping[str, Any]], **edit: Unpack[Edit]
) -> Rollout:
    """Other steps from here on; the share stays until the next one is due."""
    guard(rollout, edit)
    _need_canary(rollout, "plan")
    steps = plans.clean_plan(list(plan))
    changes = {
        "plan": steps,
        "step": rules.step_of(steps, rollout.percent),
        "step_since": clock_now(),
    }
    return change(rollout, "plan", edit, changes)


def pause(*, rollout: Rollout, **edit: Unpack[Edit]) -> Rollout:
    """The candidate gets no traffic until resumed; who gets it then does not change."""
    guard(rollout, edit)
    if rollout.state not in {State.RUNNING, State.HELD}:
        raise Conflict(f"The rollout is {rollout.state}: there is nothing to pause.")
    return change(rollout, "pause", edit, {"state": State.PAUSED, "held_because": ""})


def hold(*, rollout: Rollout, **edit: Unpack[Edit]) -> Rollout:
    """Keep the share and ask a person: the plan waits until resumed, the guardrails go
    on. Say a reason."""
    guard(rollout, edit)
    if rollout.state != State.RUNNING:
        raise Conflict(f"The rollout is {rollout.state}: there is nothing to hold.")
    because = edit.get("reason", "")[:300]
    return change(rollout, "hold", edit, {"state": State.HELD, "held_because": because})


def resume(*, rollout: Rollout, **edit: Unpack[Edit]) -> Rollout:
    """Go on after a pause or a hold, and end baseline for everyone."""
    guard(rollout, edit)
    stopped = rollout.state in {State.PAUSED, State.HELD}
    if not stopped and not rollout.baseline_for_all:
        raise Conflict(f"The rollout is {rollout.state}: there is nothing to resume.")
    changes: dict[str, Any] = {"baseline_for_all": False}
    if stopped:
        changes |= {"state": State.RUNNING, "held_because": ""}
    if rollout.candidate:  # the time of the pause does not count for the plan
        changes |= {"step_since": clock_now()}
    return change(rollout, "resume", edit, changes)


def promote(*, rollout: Rollout, **edit: Unpack[Edit]) -> Rollout:
    """The candidate becomes live, and live the previous one."""
    guard(rollout, edit)
    if rollout.candidate is None:
        raise Conflict("There is no candidate to promote.")
    changes = ENDED | {"live": rollout.candidate, "previous": rollout.live}
    return change(rollout, "promote", edit, changes)


def go_live(
    *, rollout: Rollout, version: ModelVersion, **edit: Unpack[Edit]
) -> Rollout:
    """An accepted version becomes live at once, without canary. Only when idle."""
    guard(rollout, edit)
    _need_idle(rollout)
    candidates.check_candidate(rollout, version)
    with transaction.atomic():
        candidates.accept(version, edit["by"])
        changes = {"live": version, "previous": rollout.live}
        return change(rollout, "promote", edit, changes)


def rollback(*, rollout: Rollout, **edit: Unpack[Edit]) -> Rollout:
    """End the candidate if there is one, else swap live and the previous version; where
    that one may serve no more, the baseline takes its place."""
    guard(rollout, edit)
    if rollout.candidate is not None:
        return change(rollout, "rollback", edit, ENDED)
    before = rollout.previous
    if before is None:
        raise Conflict("There is no candidate, and no version before this one.")
    with transaction.atomic():
        candidates.hold(before)
        target = rollout.goes_back_to
        said = f"Version {before.number}, live before, is {before.get_state_display().lower()}"
        if target is None:
            raise Conflict(f"{said}, and the baseline is live already.")
        if target != before:
            said = f"{said}: back to the baseline. {edit.get('reason', '')}"
            edit = edit | {"reason": said.strip()}
        changes = {"live": target, "previous": rollout.live}
        return change(rollout, "rollback", edit, changes)


def baseline_for_all(*, rollout: Rollout, **edit: Unpack[Edit]) -> Rollout:
    """Everyone gets the baseline at once, until resumed."""
    guard(rollout, edit)
    if rollout.baseline_for_all:
        raise Conflict("Everyone gets the baseline already.")
    return change(rollout, "baseline", edit, {"baseline_for_all": True})


def set_baseline(
    *, rollout: Rollout, version: ModelVersion, **edit: Unpack[Edit]
) -> Rollout:
    """Another version is what the rest is measured against, and falls back to."""
    guard(rollout, edit)
    if version.pk == rollout.baseline_id:
        raise Conflict(f"{version} is the baseline already.")
    candidates.check_servable(rollout, version, name="version")
    with transaction.atomic():
        candidates.accept(version, edit["by"])
        return change(rollout, "set baseline", edit, {"baseline": version})


def roles_of(version: ModelVersion) -> list[str]:
    """What a version does in its project's rollout; who archives it must ask."""
    return roles_in(version.project).get(version.pk, [])


def roles_in(project: Project) -> dict[int, list[str]]:
    """What every version that does something does, by its primary key."""
    rows = Rollout.objects.select_related("previous", "baseline")
    rollout = rows.filter(project=project).first()
    found: dict[int, list[str]] = {}
    if rollout is None:
        return found
    for name in ("live", "baseline", "candidate"):
        if pk := getattr(rollout, f"{name}_id"):
            found.setdefault(pk, []).append(name)
    if back := rollout.goes_back_to:
        found.setdefault(back.pk, []).append("previous")
    for pk in rollout.shadows.values_list("pk", flat=True):
        found.setdefault(pk, []).append("shadow")
    return found


def _need_canary(rollout: Rollout, what: str) -> None:
    if rollout.mode == Mode.AB:
        raise Conflict(
            f"An A/B test keeps its {what}: a change would bias its numbers."
        )
    if rollout.mode != Mode.CANARY:
        raise Conflict(f"There is no canary whose {what} could change.")


def _need_idle(rollout: Rollout) -> None:
    if rollout.candidate is not None:
        raise Conflict(
            f"Version {rollout.candidate.number} is on its way ({rollout.mode}): "
            "promote it or roll it back first."
        )


def _salt() -> str:
    return secrets.token_hex(8)
