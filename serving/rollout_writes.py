"""One change of a rollout: one transaction, one revision, one event, one audit entry."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from django.db import transaction
from django.db.models import F, QuerySet

from registry import audit
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.errors import Conflict, EditedMeanwhile
from registry.models import ModelVersion, Project, User
from serving.model_server import states
from serving.models import Rollout, RolloutEvent

By = Actor | User | str | None  # a name ("the plan") where nobody pressed


class Edit(TypedDict):
    """What every verb of a rollout is told beside its own arguments."""

    by: By
    revision: int  # the one that was read before deciding; another: EditedMeanwhile
    reason: NotRequired[str]
    numbers: NotRequired[Mapping[str, Any]]  # on which it was decided


def of_project(project: Project) -> Rollout:
    """The rollout with its versions, or Conflict where nothing serves yet."""
    rollout = with_versions().filter(project=project).first()
    if rollout is None:
        raise Conflict(
            "There is no model yet: register a dataset, then a baseline answers."
        )
    return rollout


def with_versions() -> QuerySet[Rollout]:
    return Rollout.objects.select_related(
        "project", "live", "baseline", "previous", "candidate"
    )


def guard(rollout: Rollout, edit: Edit) -> None:
    """The checks that follow are of this revision, or of nothing."""
    if rollout.revision != edit["revision"]:
        raise EditedMeanwhile(
            f"You edited revision {edit['revision']}, the rollout is at "
            f"{rollout.revision}. Read it again and repeat your edit."
        )


def change(
    rollout: Rollout, action: str, edit: Edit, changes: Mapping[str, Any]
) -> Rollout:
    """Write the changes if nobody wrote since `rollout` was read; else 412."""
    with transaction.atomic():
        taken = Rollout.objects.filter(pk=rollout.pk, revision=edit["revision"]).update(
            revision=F("revision") + 1, updated_at=clock_now(), **changes
        )
        if not taken:
            raise EditedMeanwhile(
                "Somebody changed the rollout a moment ago. Read it again and repeat "
                "your edit."
            )
        changed = with_versions().get(pk=rollout.pk)
        note(changed, action=action, edit=edit)
        transaction.on_commit(lambda: states.expire(changed.project_id))
    return changed


def note(rollout: Rollout, *, action: str, edit: Edit) -> None:
    """The event that history shows, and the entry of the audit trail."""
    by, reason = edit["by"], edit.get("reason", "")[:500]
    actor = Actor(label=by) if isinstance(by, str) else by
    candidate = number_of(rollout.candidate)
    entry = audit.record(
        project=rollout.project,
        actor=actor,
        action=f"rollout.{action.replace(' ', '-')}",
        target=f"live {rollout.live.number}, candidate {candidate or 'none'}",
        detail={"revision": rollout.revision, "reason": reason},
    )
    RolloutEvent.objects.create(
        project=rollout.project,
        action=action,
        author=entry.actor,
        author_name=entry.actor_name,
        reason=reason,
        revision=rollout.revision,
        live=rollout.live.number,
        baseline=rollout.baseline.number,
        candidate=candidate,
        mode=rollout.mode,
        state=rollout.state,
        percent=rollout.percent,
        baseline_for_all=rollout.baseline_for_all,
        numbers=dict(edit.get("numbers", {})),
    )


def number_of(version: ModelVersion | None) -> int | None:
    return version.number if version else None
