"""What an operator asks of the machines: who works, what waits, what lies where, which
versions run. Each part answers for itself; one that fails says so and harms no other."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q, Sum

from mlsystem.version import VERSION
from registry.models import Dataset, Job, ModelVersion, Step

BROKER_SECONDS = 1.0  # that a worker may take to answer
WORDS = {
    "mlsystem.step": "step of a run",
    "mlsystem.slot": "training",
    "mlsystem.finish_build": "end of a build",
    "mlsystem.scheduled_run": "scheduled run",
    "mlsystem.open_with_baseline": "first baseline",
    "labelling.rerank": "ranking of the queue",
    "registry.import_dataset": "import of a table",
    "registry.sync_definitions": "reading definitions",
    "serving.score": "scoring",
}
PACKAGES = ("django", "celery", "granian", "scikit-learn", "lightgbm", "pandas")


def workers() -> list[dict[str, Any]] | None:
    """The workers that answer within a second, by name; None where no broker does."""
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    from mlsystem.celery import app

    try:
        found = app.control.inspect(timeout=BROKER_SECONDS).stats() or {}
    except (OperationalError, RedisError, OSError):
        return None
    return [
        {
            "name": name,
            "children": len(told.get("pool", {}).get("processes", [])),
            "done": sum(told.get("total", {}).values()),
            "pid": told.get("pid"),
            "uptime": told.get("uptime"),
        }
        for name, told in sorted(found.items())
    ]


def lanes(*, now: datetime) -> list[dict[str, Any]]:
    """Each lane: how many jobs wait, work and are late, and how long the first waits."""
    unfinished = Job.objects.filter(state__in=("queued", "running"))
    due = Q(state="queued", due_at__lte=now)
    rows = unfinished.values("lane").annotate(
        waiting=Count("id", filter=due),
        later=Count("id", filter=Q(state="queued", due_at__gt=now)),
        working=Count("id", filter=Q(state="running", lease_until__gte=now)),
        lost=Count("id", filter=Q(state="running", lease_until__lt=now)),
        first=Min("due_at", filter=due),
    )
    known = {row["lane"]: row for row in rows}
    nothing = {"waiting": 0, "later": 0, "working": 0, "lost": 0, "first": None}
    found = []
    for lane in Job.Lane.values:
        row: dict[str, Any] = {"lane": lane} | nothing | dict(known.get(lane, {}))
        waits = (now - row["first"]).total_seconds() if row["first"] else None
        found.append(row | {"waits": waits, "tone": _tone(row, waits)})
    return found


def _tone(row: dict[str, Any], waits: float | None) -> str:
    if row["lost"] or (waits or 0) > 600:
        return "bad"
    return "warning" if (waits or 0) > 60 else "good"


def told(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Jobs with their words, and the run that a step or a slot belongs to."""
    ids = {job.args.get("step") for job in jobs} - {None}
    runs = dict(Step.objects.filter(pk__in=ids).values_list("pk", "run__number"))
    return [
        {
            "job": job,
            "words": WORDS.get(job.task, job.task.partition(".")[2].replace("_", " ")),
            "run": runs.get(job.args.get("step")),
        }
        for job in jobs
    ]


def storage() -> list[tuple[str, str, str]]:
    """Name, size and a note of everything that grows."""
    datasets = Dataset.objects.aggregate(n=Count("id"), size=Sum("size_bytes"))
    models = ModelVersion.objects.aggregate(n=Count("id"), size=Sum("size_bytes"))
    disk = shutil.disk_usage(settings.DATA_DIR)
    share = disk.free / disk.total
    return [
        ("Database", _size(_database_size()), _database_name()),
        ("Datasets", _size(datasets["size"] or 0), f"{datasets['n']} versions"),
        ("Models", _size(models["size"] or 0), f"{models['n']} versions"),
        ("Free on the disk", _size(disk.free), f"{share:.0%} of {_size(disk.total)}"),
    ]


def _database_size() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            (size,) = cursor.fetchone()
            return int(size)
        cursor.execute(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        (size,) = cursor.fetchone()
        return int(size)


def _database_name() -> str:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            return f"PostgreSQL {cursor.fetchone()[0].split()[0]}"
    return f"SQLite {sqlite3.sqlite_version}"


def _size(count: float) -> str:
    """Bytes in the unit that fits.

    >>> _size(512), _size(3_400_000)
    ('512 B', '3.4 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def versions() -> list[tuple[str, str]]:
    """What runs here."""
    found = [
        ("mlsystem", VERSION),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
    ]
    for package in PACKAGES[1:]:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return found
