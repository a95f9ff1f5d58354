"""Scorings: many rows by one version, in a job that may die and go on.

A row's id is made of the job and the row's number, so whoever repeats a chunk after a
crash finds what is stored already, and nothing is logged twice.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from registry import jobs, storage
from registry.answering import LoadedVersion
from registry.errors import DomainError
from registry.jobs import JobContext
from registry.models import Dataset, Job, Project
from serving import predictions, rollout
from serving.frontend import asking, asks
from serving.frontend.asking import Work
from serving.frontend.rows import row_of
from serving.model_server import raw
from serving.model_server.states import Place, State
from serving.models import Prediction, Rollout
from serving.scorings import tables
from serving.variants import LIVE, Shares

SOURCE = "scoring"
LONGEST_TURN = 600.0  # seconds until a checkpoint ends this message


def work(context: JobContext) -> None:
    """The handler: keep the table, score it chunk by chunk, put the parts together."""
    if "uri" in context.job.result:  # an earlier try died while it cleaned up
        _clean_up(context)
        return
    project = context.project
    if project is None:
        raise tables.ScoringRefused("The project is gone.")
    loaded = _version(context, project)
    path = storage.local_copy(**_input(context, project))
    total, names = tables.count(path)
    tables.check_columns(loaded, project, names)
    schema = tables.result_schema(loaded)
    state = _only(project, loaded)
    until = time.monotonic() + LONGEST_TURN
    done = int(context.checkpoint.get("done", 0))
    for frame in tables.chunks(path, skip=done):
        context.guard()
        rows = _score(frame, first=done, state=state, job=context.job)
        part = tables.put_part(project, rows, schema)
        done += len(frame)
        context.save_checkpoint(
            {
                **context.checkpoint,
                "done": done,
                "errors": context.checkpoint.get("errors", 0) + _errors(rows),
                "parts": [*context.checkpoint.get("parts", []), _named(part)],
            }
        )
        context.progress(done / max(total, 1), f"{done:,} of {total:,} rows")
        if time.monotonic() > until and done < total:
            raise jobs.Continue
    _finish(context, project, loaded, schema)


def _version(context: JobContext, project: Project) -> LoadedVersion:
    """The version asked for, else what is live when the job begins, to its end."""
    number = context.checkpoint.get("model") or context.args.get("model")
    if number is None:
        number = rollout.of_project(project).live.number
    if "model" not in context.checkpoint:
        context.save_checkpoint({**context.checkpoint, "model": number})
    return raw.loaded_of(raw.version_of(project, number))


def _input(context: JobContext, project: Project) -> dict[str, str]:
    """Where the table lies; it is read and kept at the first attempt."""
    if kept := context.checkpoint.get("input") or context.args.get("input"):
        return {"uri": kept[0], "sha256": kept[1]}
    context.progress(0.0, "Reading the table")
    args = context.args
    if args.get("dataset"):
        dataset = Dataset.objects.get(project=project, number=args["dataset"])
        frame = tables.of_dataset(dataset)
    else:
        frame = tables.of_source(project, args["source"], args.get("query", ""))
    stored = tables.keep(project, frame)
    context.save_checkpoint({**context.checkpoint, "input": _named(stored)})
    return {"uri": stored.uri, "sha256": stored.sha256}


def _only(project: Project, loaded: LoadedVersion) -> State:
    """A state in which this version answers everybody, and nobody in its place."""
    return State(
        project=project,
        revision=0,
        project_revision=project.revision,
        shares=Shares(project=project.slug, salt=""),
        chains={LIVE: (Place(loaded.number, loaded),)},
    )


def _score(frame: Any, *, first: int, state: State, job: Job) -> list[dict[str, Any]]:
    """The result's rows for a chunk, which are in the log when this returns."""
    project, now = state.project, job.created_at
    started = time.perf_counter()
    works: list[Work] = []
    told: list[dict[str, Any]] = []
    asked = tables.requests(frame, fields=state.live.fields, project=project)
    for number, request in enumerate(asked, start=first + 1):
        row: dict[str, Any] = {"row": number}
        told.append(row)
        try:
            ask = asks.read(request, project=project, fields=state.live.fields, now=now)
        except DomainError as error:
            row["error"] = error.detail
            continue
        row |= {"entity": ask.entity or None, "reference": ask.reference or None}
        row["at"] = ask.at
        work = Work(ask=ask, id=identity(job, number))
        work.unit = ask.entity or str(work.id)
        asking.check(work, state)
        works.append(work)
        row["work"] = work
    asking.ask_all(works, state)
    each = (time.perf_counter() - started) * 1000 / max(len(frame), 1)
    role = role_of(project, state.live)
    _store(works, state, role=role, job=job, now=now, latency_ms=each)
    return [_shown(row, row.pop("work", None)) for row in told]


def _store(works: Sequence[Work], state: State, *, job: Job, **common: Any) -> None:
    """Log what was answered and is not in the log yet."""
    answered = [work for work in works if work.answer]
    for start in range(0, len(answered), predictions.CHUNK):
        part = answered[start : start + predictions.CHUNK]
        ids = [work.id for work in part]
        known = set(Prediction.objects.filter(pk__in=ids).values_list("pk", flat=True))
        rows = [
            row_of(
                work,
                state=state,
                warnings=work.warnings,
                source=SOURCE,
                key_id=job.args.get("key"),
                **common,
            )
            for work in part
            if work.id not in known
        ]
        if rows:
            predictions.store(rows)


def _shown(row: dict[str, Any], work: Work | None) -> dict[str, Any]:
    if work is None:
        return row
    if work.answer is None:
        row["error"] = work.error.detail if work.error else "No answer."
        return row
    said = work.answer
    row |= {"id": str(work.id), "prediction": said.prediction}
    if said.score is not None:
        row["score"] = said.score
    for name, share in (said.probabilities or {}).items():
        row[f"probability:{name}"] = share
    if said.decision:
        row |= {"decision": said.decision["action"], "reason": said.decision["reason"]}
    return row


def identity(job: Job, number: int) -> UUID:
    """The id of a row's prediction: a UUIDv7 of when the job was asked for, the same
    at every attempt."""
    digest = blake2b(f"{job.pk}:{number}".encode(), digest_size=10).digest()
    random = int.from_bytes(digest, "big") & (2**74 - 1)
    moment: datetime = job.created_at
    value = (int(moment.timestamp() * 1000) & (2**48 - 1)) << 80 | 0x7 << 76
    value |= (random >> 62) << 64 | 0b10 << 62 | random & (2**62 - 1)
    return UUID(int=value)


def role_of(project: Project, loaded: LoadedVersion) -> str:
    """As what a version's scored rows count: by its place in the rollout."""
    row = Rollout.objects.filter(project=project).first()
    version = loaded.version.pk
    if row and version == row.candidate_id:
        return Prediction.Role.CANARY
    if row and version == row.baseline_id and version != row.live_id:
        return Prediction.Role.BASELINE
    return Prediction.Role.LIVE


def _finish(
    context: JobContext, project: Project, loaded: LoadedVersion, schema: Any
) -> None:
    parts = context.checkpoint.get("parts", [])
    stored = tables.put_together(project, parts, schema)
    context.result(
        {
            "model": loaded.number,
            "rows": context.checkpoint.get("done", 0),
            "errors": context.checkpoint.get("errors", 0),
            "uri": stored.uri,
            "sha256": stored.sha256,
            "size": stored.size,
        }
    )
    _clean_up(context)


def _clean_up(context: JobContext) -> None:
    """What the result was made of; only once it is known that there is one."""
    parts = context.checkpoint.get("parts", [])
    kept = context.checkpoint.get("input") or context.args.get("input")
    for uri, _ in [*parts, *([kept] if kept else [])]:
        storage.delete(uri)


def _errors(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(1 for row in rows if row.get("error"))


def _named(stored: storage.Stored) -> list[str]:
    return [stored.uri, stored.sha256]
