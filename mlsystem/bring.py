"""Bring your own table: a file becomes a project, a dataset and a live baseline."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from mlsystem import baselines
from mlsystem.baselines import Baseline
from registry import drafts, jobs, projects_of_tables, storage, tables
from registry.clock import now as clock_now
from registry.errors import Conflict, DomainError, FieldError
from registry.models import Dataset, Draft, Job, Project, User
from serving.models import Rollout

if TYPE_CHECKING:
    import pandas as pd

TASK = "mlsystem.bring_draft"
AT_ONCE = 50_000  # rows that a request waits for
# The tick leaves a project alone while whoever makes it opens it with its baseline.
FENCE = timedelta(minutes=5)
STUCK = timedelta(minutes=10)
INTERRUPTED = {
    "detail": "Making the project was interrupted. Nothing is lost: try it again.",
    "errors": [],
}


@dataclass(frozen=True)
class Brought:
    """What came of a table."""

    project: Project
    dataset: Dataset
    rollout: Rollout


def bring_table(
    *,
    slug: str,
    path: Path,
    target: str,
    task: str = "",
    time: str = "",
    group: str = "",
    by: User | None = None,
) -> Brought:
    """Guess, create, register, and let the baseline answer. Refused: nothing is left."""
    refuse_taken(slug)  # before a large file is read
    frame, lineage = tables.read_table(path=path)
    return _bring(
        frame=frame,
        slug=slug,
        target=target,
        task=task,
        lineage={"kind": "file", **lineage},
        by=by,
        settings={"time_column": time, "group_column": group},
    )


def refuse_taken(slug: str) -> None:
    """A project's short name is one's own."""
    if Project.objects.filter(slug=slug).exists():
        raise Conflict(
            f"There is a project {slug} already.",
            errors=[FieldError("slug", "Choose another one.")],
        )


def create(*, draft: Draft, wanted: dict[str, Any], by: User) -> Draft:
    """Make a draft's project: at once where it is small, else by a job. `wanted` is what
    `bring_draft` takes. What is wrong is raised, or told on the draft."""
    if not _made_of(draft):  # an own attempt that died has not taken the name
        refuse_taken(wanted["slug"])
    free = Draft.objects.filter(pk=draft.pk, state=Draft.State.READY)
    if not free.update(state=Draft.State.CREATING, updated_at=clock_now()):
        raise Conflict("This table is being made into a project already.")
    draft.refresh_from_db()
    if draft.rows > AT_ONCE:
        draft.job = jobs.enqueue(
            task=TASK,
            lane=Job.Lane.LONG,
            by=by,
            args={"draft": str(draft.pk), "wanted": wanted},
        )
        draft.save(update_fields=["job", "updated_at"])
        return draft
    try:
        return bring_draft(draft=draft, wanted=wanted, by=by)
    except BaseException:
        _being_made(draft).update(state=Draft.State.READY)
        raise


def settle(draft: Draft) -> Draft:
    """A draft that nobody makes into a project any more, because whoever did died: it is
    done if its project is there, else it can be tried again."""
    if draft.state != Draft.State.CREATING:
        return draft
    making = draft.job if draft.job and draft.job.task == TASK else None
    if not (making.is_over if making else draft.updated_at < clock_now() - STUCK):
        return draft
    if made := _made_of(draft):
        return _finish(draft, made)
    draft.state, draft.problem = Draft.State.READY, INTERRUPTED
    draft.save(update_fields=["state", "problem", "updated_at"])
    return draft


def _made_of(draft: Draft) -> Project | None:
    """The project of an attempt that died before it could say so."""
    rows = Dataset.objects.filter(lineage__draft=str(draft.pk))
    first = rows.select_related("project").first()
    return first.project if first else None


def _being_made(draft: Draft) -> QuerySet[Draft]:
    """Its row, where no other attempt has finished it meanwhile."""
    return Draft.objects.filter(pk=draft.pk, state=Draft.State.CREATING)


def _finish(draft: Draft, project: Project) -> Draft:
    uri = draft.uri
    _write(draft, state=Draft.State.DONE, project=project, problem={}, uri="")
    if uri:
        storage.delete(uri)
    return draft


def _write(draft: Draft, **changes: Any) -> None:
    """In the row if it is still there: a forgotten table does not come back."""
    for name, value in changes.items():
        setattr(draft, name, value)
    Draft.objects.filter(pk=draft.pk).update(updated_at=clock_now(), **changes)


def do_bring(context: jobs.JobContext) -> None:
    """The handler of a large draft's job."""
    draft = Draft.objects.filter(pk=context.args["draft"]).first()
    if draft is None or draft.state != Draft.State.CREATING:
        return
    context.progress(0.1, f"Splitting and sealing {draft.rows} rows")
    context.guard()
    by = draft.user
    try:
        made = bring_draft(
            draft=draft, wanted=context.args["wanted"], by=by, guard=context.guard
        )
    except drafts.Forgotten:
        raise jobs.Cancelled from None
    except DomainError as error:
        if error.status >= 500:
            raise
        if _being_made(draft).exists():
            _write(draft, problem=drafts.told(error), state=Draft.State.READY)
    else:
        assert made.project is not None
        context.result({"project": made.project.slug})


def bring_draft(
    *,
    draft: Draft,
    wanted: dict[str, Any],
    by: User,
    guard: Callable[[], None] = lambda: None,
) -> Draft:
    """The verbs below the form: `slug`, `target`, `task`, columns as `told` and
    `exclude`, `settings` of the project, its first `baseline`. Nothing is made where the
    draft was forgotten meanwhile, or `guard` raises."""
    if made := _made_of(draft):
        return _finish(draft, made)

    def still_wanted() -> None:
        guard()
        drafts.hold(draft)

    settings = dict(wanted["settings"])
    if days := settings.pop("horizon_days", None):
        settings["horizon"] = timedelta(days=days)
    brought = _bring(
        frame=drafts.frame_of(draft),
        slug=wanted["slug"],
        target=wanted["target"],
        task=wanted["task"],
        lineage={"kind": "upload" if draft.lineage.get("upload") else "source"}
        | draft.lineage
        | {"draft": str(draft.pk)},
        by=by,
        settings=settings,
        exclude=wanted["exclude"],
        told=wanted["told"],
        baseline=Baseline(**wanted["baseline"]) if wanted.get("baseline") else None,
        guard=still_wanted,
    )
    return _finish(draft, brought.project)


def _bring(
    *,
    frame: "pd.DataFrame",
    slug: str,
    target: str,
    task: str,
    lineage: dict[str, Any],
    by: User | None,
    settings: dict[str, Any],
    exclude: list[str] | None = None,
    told: dict[str, Any] | None = None,
    baseline: Baseline | None = None,
    guard: Callable[[], None] | None = None,
) -> Brought:
    project, dataset = projects_of_tables.create_from_table(
        slug=slug,
        frame=frame,
        target=target,
        task=task,
        lineage=lineage,
        by=by,
        exclude=exclude or [],
        told=told,
        guard=guard,
        **settings,
    )
    fence = baselines.later(project=project, baseline=baseline, after=FENCE)
    try:
        if baseline is not None:
            baselines.check(project=project, baseline=baseline)
        rollout = baselines.open_if_missing(project=project, baseline=baseline, by=by)
    except BaseException:
        if not _is_known(project):
            project.delete()  # made just now, for nothing
        raise
    # It took so long that the job has begun: it finds the same.
    with suppress(Conflict):
        jobs.cancel(job=fence)
    return Brought(project, dataset, rollout)


def _is_known(project: Project) -> bool:
    """It answers already, or another attempt has handed it over."""
    return (
        Rollout.objects.filter(project=project).exists()
        or Draft.objects.filter(project=project).exists()
    )
