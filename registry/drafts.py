"""Registry: a table that somebody brings waits here, read and looked at, until they have
said what it is about. What is not finished within a week is forgotten."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from registry import findings, frames, guess, jobs, source_tables, storage, tables
from registry.clock import now as clock_now
from registry.errors import Conflict, DomainError, NotFound
from registry.models import Draft, Job, User
from registry.schema import NUMBERS

if TYPE_CHECKING:
    import pandas as pd

TASK = "registry.read_draft"
AT_ONCE = 8 * 2**20  # bytes of a file that a request waits for
KEPT = timedelta(days=7)
SAMPLES, LONGEST_SAMPLE = 4, 40
JUDGED = 50_000  # rows that are asked for leaks


class Forgotten(NotFound):
    """Somebody pressed Forget while others worked on it: nothing may come of it."""


def take_file(*, path: Path, name: str, sha256: str, by: User) -> Draft:
    """A draft of an uploaded file: small ones are read at once, large ones by a job."""
    name = name[:255]
    if tables.is_quick(path=path, name=name, most=AT_ONCE):
        frame, lineage = tables.read_table(path=path, name=name)
        draft = Draft(user=by, name=name)
        _keep(draft, frame, {"upload": name, "sha256": sha256, **lineage})
        draft.save(force_insert=True)
        return draft
    draft = Draft(user=by, name=name)
    staged = storage.put_file(path=f"drafts/{draft.pk.hex}/upload", local=path)
    args = {"uri": staged.uri, "sha256": staged.sha256, "file": name}
    return _later(draft, args, by)


def take_source(*, source: str, table: str, by: User) -> Draft:
    """A draft of a table, or a file, of SOURCE_<NAME>_URL: nobody waits for it."""
    source_tables.check(source=source, table=table)
    draft = Draft(user=by, name=f"{source}: {table}"[:255])
    return _later(draft, {"source": source, "table": table}, by)


def _later(draft: Draft, args: dict[str, Any], by: User) -> Draft:
    with transaction.atomic():
        draft.job = jobs.enqueue(
            task=TASK, lane=Job.Lane.LONG, by=by, args=args | {"draft": str(draft.pk)}
        )
        draft.save(force_insert=True)
    return draft


def do_read(context: jobs.JobContext) -> None:
    """The handler: what is wrong with the table is told on the draft itself."""
    draft = Draft.objects.filter(pk=context.args["draft"]).first()
    if draft is not None and draft.state == Draft.State.READING:
        _read_into(draft, context)
    if uri := context.args.get("uri"):
        storage.delete(uri)


def _read_into(draft: Draft, context: jobs.JobContext) -> None:
    context.progress(0.1, "Reading the rows")
    try:
        frame, lineage = _read(context.args)
    except DomainError as error:
        if error.status >= 500:
            raise
        draft.problem, draft.state = told(error), Draft.State.BROKEN
    else:
        context.progress(0.5, f"{len(frame)} rows read; looking at the columns")
        context.guard()
        _keep(draft, frame, lineage)
    try:
        with transaction.atomic():
            hold(draft)
            draft.save(force_update=True)
    except Forgotten:
        if draft.uri:
            storage.delete(draft.uri)
        raise jobs.Cancelled from None


def _read(args: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    if "uri" not in args:
        return source_tables.read(source=args["source"], table=args["table"])
    path = storage.local_copy(uri=args["uri"], sha256=args["sha256"])
    frame, lineage = tables.read_table(path=path, name=args["file"])
    return frame, {"upload": args["file"], "sha256": args["sha256"], **lineage}


def _keep(draft: Draft, frame: pd.DataFrame, lineage: dict[str, Any]) -> None:
    """The table as Parquet, so that single columns of it are read quickly; what is seen
    in it stands in the draft, which is not saved."""
    frame = _storable(frame)
    draft.columns = [_look(str(name), frame[name]) for name in frame.columns]
    draft.rows, draft.lineage = len(frame), lineage
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    path = f"drafts/{draft.pk.hex}/table.parquet"
    stored = storage.put_bytes(path=path, data=buffer.getvalue())
    draft.uri, draft.sha256, draft.state = stored.uri, stored.sha256, Draft.State.READY


def _storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed types as text: every reader of ours takes them alike."""
    mixed = [name for name in frame.columns if frame[name].dtype == object]
    return frame.assign(**{name: frames.convert(frame[name], "text") for name in mixed})


def _look(name: str, values: pd.Series) -> dict[str, Any]:
    """One column: its guessed kind, some of its values, and what is odd about it."""
    described, finding = guess.field_of(name, values)
    present = values[~frames.missing(values)]
    samples = [_short(value) for value in present.drop_duplicates().head(SAMPLES)]
    look: dict[str, Any] = {
        "name": name,
        "kind": described["kind"],
        "samples": samples,
        "missing": len(values) - len(present),
        "distinct": int(present.nunique()),
    }
    if described["kind"] in NUMBERS and len(present):
        look["typical"] = float(frames.convert(present, "numeric").median())
    return look | ({"finding": finding.as_json()} if finding else {})


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text if len(text) <= LONGEST_SAMPLE else f"{text[: LONGEST_SAMPLE - 1]}…"


def told(error: DomainError) -> dict[str, Any]:
    """A refusal as a draft keeps it: the sentence, then each place once."""
    places = [one.message for one in error.errors if one.message != error.detail]
    return {"detail": error.detail, "errors": list(dict.fromkeys(places))}


def of_user(draft: UUID, user: User) -> Draft:
    """Somebody's own draft; another's is not there."""
    found = Draft.objects.select_related("job", "project").filter(pk=draft, user=user)
    if one := found.first():
        return one
    raise NotFound("There is no such draft. Drafts are kept for a week.")


def frame_of(
    draft: Draft, columns: list[str] | None = None, *, rows: int = 0
) -> pd.DataFrame:
    """The draft's rows as they were read, or some of their columns, or the first rows."""
    import pyarrow.parquet as pq

    path = storage.local_copy(uri=draft.uri, sha256=draft.sha256)
    with pq.ParquetFile(path) as file:
        if rows:
            batch = next(file.iter_batches(batch_size=rows, columns=columns))
            return batch.to_pandas()
        return file.read(columns=columns).to_pandas()


def leaks_of(draft: Draft, *, target: str, task: str) -> dict[str, str]:
    """Columns that alone tell the target, with what to think of that; of large tables
    some of the rows are asked."""
    frame = frame_of(draft, rows=JUDGED)
    frame = frame[~frames.missing(frame[target])]
    kind = "numeric" if task == "regression" else "categorical"
    truth = frames.convert(frame[target], kind)
    found = {}
    for column in draft.columns:
        name, dropped = column["name"], (column.get("finding") or {}).get("drop")
        if name == target or dropped:
            continue
        values = frames.convert(frame[name], column["kind"])
        if finding := findings.leaking(name, column["kind"], values, truth, task):
            found[name] = finding.text
    return found


def say(*, draft: Draft, step: str, answers: dict[str, Any]) -> Draft:
    """Keep what was typed in one step."""
    if draft.state != Draft.State.READY:
        raise Conflict("This table is being made into a project already.")
    draft.answers = draft.answers | {step: answers}
    draft.problem = {}
    draft.save(update_fields=["answers", "problem", "updated_at"])
    return draft


def hold(draft: Draft) -> None:
    """In a transaction: nobody forgets the draft before its commit, or somebody has."""
    if not Draft.objects.select_for_update().filter(pk=draft.pk).first():
        raise Forgotten("This table was forgotten.")


def drop(draft: Draft) -> None:
    """Forget a table and what was said of it."""
    with transaction.atomic():
        held = Draft.objects.select_for_update().filter(pk=draft.pk).first()
        if held is None:
            return
        job = held.job
        if job and not job.is_over:
            with suppress(Conflict):  # it ended just now
                jobs.cancel(job=job)
        uris = {held.uri, job.args.get("uri", "") if job else ""} - {""}
        held.delete()
    for uri in uris:
        storage.delete(uri)


def forget_old(now: datetime | None = None) -> int:
    """What a sweep does: tables nobody came back for."""
    old = Draft.objects.filter(updated_at__lt=(now or clock_now()) - KEPT)
    found = list(old.select_related("job")[:100])
    for draft in found:
        drop(draft)
    return len(found)
