"""`make bench-monitoring`: pages over a million predictions, read from rollups, against
the naive way: aggregating the stored rows for each page.

Four weeks of churn, two versions, twenty inputs, truth for each answer, SQLite, one
process, one run: what counts is the ratio. Rows and buckets are written in bulk; the pages
are the product's own, every one of a project, whole, through its middleware, signed in as
an admin. Times are of the CPU, which a busy machine does not change; beside them what
went by. A page over the limit, or one that is not there, ends it with code 1.
"""

import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
DAYS = 28
ROUNDS = 5
TEMPLATES = 6  # different hours that are repeated over the weeks
CANARY = 0.1
LIMIT_MS = 150
CHUNK = 20_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        prepare(Path(folder))
        print(f"{ROWS:,} predictions in {time.perf_counter() - started:.0f} s")
        naive = measure_naive(Path(folder))
        slowest, wrong = measure_ours(naive)
    print(
        f"slowest page or chart {slowest:.0f} ms; one pass over the rows takes "
        f"{naive:.0f} ms, {naive / slowest:.0f} times as long"
    )
    sys.exit(f"wrong: {', '.join(wrong)}" if wrong else 0)


def prepare(folder: Path) -> None:
    os.environ |= {
        "DATA_DIR": str(folder / "var"),
        "SECRET_KEY": secrets.token_hex(32),
        "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
        "REDIS_URL": "redis://127.0.0.1:1",  # nobody listens: pages do without
        "DEBUG": "true",  # no collected static files
        "SOURCE_FILES_URL": f"file://{folder}",
    }
    (folder / "var").mkdir()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    project, versions, rows = make_project()
    fill_buckets(project, versions, rows)
    fill_rows(project, versions, rows, folder)
    fill_truths(folder)
    from monitoring.monitor.days import merge_days

    while merge_days(project):
        pass


def make_project() -> tuple[Any, list[Any], list[dict[str, Any]]]:
    """Churn with its baseline live since two months and a model as its canary."""
    from registry import datasets, definition_sync, frames, people
    from registry.actors import COMMAND_LINE
    from registry.estimators.linear import Linear
    from registry.featurizer import plain_spec
    from registry.models import Project
    from registry.versions import register_version
    from serving import rollout

    project, dataset = definition_sync.install(slug="churn")
    Project.objects.filter(pk=project.pk).update(silence="unknown")
    project.refresh_from_db()
    owner = people.create_user(name="owen", by=COMMAND_LINE)
    type(owner).objects.update(is_staff=True)
    people.set_role(project=project, user=owner, role="admin", by=COMMAND_LINE)
    table = datasets.training_frame(dataset)
    rows = frames.rows_of(project.fields, table.head(2000))
    versions = []
    for name in ("one", "two"):
        model = Linear(fields=project.fields, classes=project.classes, task="binary")
        versions.append(
            register_version(
                project=project, model=model.fit(rows, list(table["churn"].head(2000))),
                kind="trained", name=name, algorithm="linear", params={},
                fields=project.fields, features=plain_spec(project), dataset=dataset,
                decision=project.decision, costs=project.costs,
                classes=project.classes, sample_rows=rows[:20], state="accepted",
            )
        )  # fmt: skip
    row = rollout.open_with_baseline(project=project, version=versions[0])
    rollout.start(
        rollout=row, candidate=versions[1], mode="canary", percent=100 * CANARY,
        by=COMMAND_LINE, revision=row.revision,
    )  # fmt: skip
    started = datetime.now(UTC) - timedelta(days=DAYS)
    type(row).objects.update(started_at=started, step_since=started)
    return project, versions, rows


def hours() -> list[datetime]:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return [end - timedelta(hours=back) for back in range(24 * DAYS)][::-1]


def fill_buckets(project: Any, versions: list[Any], rows: list[dict[str, Any]]) -> None:
    """A few hours folded by the product's own functions, repeated over four weeks."""
    import numpy as np

    from monitoring.evaluator.economics import Economics
    from monitoring.evaluator.scored import Scored
    from monitoring.models import HourBucket
    from monitoring.monitor.inputs import fold_inputs
    from monitoring.monitor.outcomes import fold_outcomes
    from monitoring.monitor.references import reference_of

    rng = np.random.default_rng(7)
    found = []
    for version, role, share in zip(
        versions, ("live", "canary"), (1 - CANARY, CANARY), strict=True
    ):
        profile = reference_of(version)
        n = max(int(ROWS * share / (24 * DAYS)), 1)
        folded = []
        for _ in range(TEMPLATES):
            part = [rows[i] for i in rng.integers(0, len(rows), n)]
            score = rng.beta(1, 3, n)
            truth = np.where(rng.random(n) < score, "Yes", "No").astype(object)
            scored = Scored(
                task="binary", classes=["No", "Yes"], positive="Yes", truth=truth,
                predicted=np.where(score > 0.5, "Yes", "No").astype(object),
                probabilities=np.column_stack([1 - score, score]),
                decided=np.where(score > 0.3, "offer", "wait").astype(object),
                rows={
                    f["name"]: np.array([r.get(f["name"]) for r in part], dtype=object)
                    for f in project.fields
                },
            )  # fmt: skip
            inputs = fold_inputs(
                profile, part, predictions=score, scores=score,
                latencies_ms=rng.lognormal(1, 0.5, n),
            )  # fmt: skip
            outcomes = fold_outcomes(
                scored, economics=Economics.from_costs(version.costs)
            )
            folded.append((inputs.pack(), outcomes.pack()))
        for place, hour in enumerate(hours()):
            packed, known = folded[place % TEMPLATES]
            found.append(
                HourBucket(
                    project=project, version=version, role=role, hour=hour, n=n,
                    truths=n, inputs=packed, outcomes=known,
                )
            )  # fmt: skip
    HourBucket.objects.bulk_create(found, batch_size=200)


def fill_rows(
    project: Any, versions: list[Any], rows: list[dict[str, Any]], folder: Path
) -> None:
    """The same predictions as rows: indexes are built once, at the end."""
    import json

    connection = sqlite3.connect(folder / "var" / "mlsystem.sqlite3")
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;")
    names = [r[1] for r in connection.execute("PRAGMA table_info(serving_prediction)")]
    indexes = list(
        connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name='serving_prediction' "
            "AND type='index' AND sql IS NOT NULL"
        )
    )
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    texts = [json.dumps(row) for row in rows[:200]]
    start, step = hours()[0], timedelta(days=DAYS) / ROWS
    base: dict[str, Any] = dict.fromkeys(names, "") | {
        "shadow_of": None, "features": "{}", "decision": '{"action": "wait"}',
        "explanation": None, "warnings": "[]", "test": 0, "key_id": None,
        "source": "online", "project_id": project.pk,
        "output": '{"prediction": "No", "score": 0.2}',
    }  # fmt: skip
    marks = ", ".join("?" for _ in names)
    query = f"INSERT INTO serving_prediction ({', '.join(names)}) VALUES ({marks})"
    for first in range(0, ROWS, CHUNK):
        several = []
        for i in range(first, min(first + CHUNK, ROWS)):
            at = start + i * step
            canary = i % 10 == 0
            moment = f"{at:%Y-%m-%d %H:%M:%S.%f}"
            milliseconds = int(at.timestamp() * 1000)
            row = base | {
                "id": f"{milliseconds:012x}7{i % 4096:03x}8{i:015x}",
                "version_id": versions[canary].pk,
                "role": "canary" if canary else "live",
                "unit": f"u{i % 5000}",
                "entity": f"C{i % 5000}",
                "at": moment,
                "received_at": moment,
                "input": texts[i % len(texts)],
                "score": (i % 997) / 997,
                "latency_ms": 2.0 + i % 7,
            }
            several.append(tuple(row.values()))
        connection.executemany(query, several)
        connection.commit()
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()


def fill_truths(folder: Path) -> None:
    """An outcome of each answer, a day later, matched and counted."""
    connection = sqlite3.connect(folder / "var" / "mlsystem.sqlite3")
    connection.executescript(
        """PRAGMA synchronous=OFF;
        INSERT INTO labelling_groundtruth (project_id, key_kind, key, value, retracted,
            source, version, state, observed_at, received_at, altered_by_us)
        SELECT project_id, 'prediction', substr(id, 1, 8) || '-' || substr(id, 9, 4)
            || '-' || substr(id, 13, 4) || '-' || substr(id, 17, 4) || '-'
            || substr(id, 21), '"No"', 0, 'outcome', 1, 'matched',
            datetime(at, '+1 day'), datetime(at, '+1 day'), 0 FROM serving_prediction;
        INSERT INTO labelling_match (project_id, prediction_id, truth_id, value,
            by_silence, source, observed_at, predicted_at, updated_at)
        SELECT project_id, replace(key, '-', ''), id, value, 0, source, observed_at,
            datetime(observed_at, '-1 day'), observed_at FROM labelling_groundtruth;
        ANALYZE;"""
    )
    connection.close()


def measure_naive(folder: Path) -> float:
    """Milliseconds of one pass that knows a few of the numbers of one page: answers,
    mean score, mean latency and one input's mean, by hour and version."""
    connection = sqlite3.connect(folder / "var" / "mlsystem.sqlite3")
    query = (
        "SELECT strftime('%Y-%m-%d %H', at), version_id, count(*), avg(score), "
        "avg(latency_ms), avg(json_extract(input, '$.monthly_charges')) "
        "FROM serving_prediction GROUP BY 1, 2"
    )
    return timed(lambda: connection.execute(query).fetchall(), rounds=1)[0]


def timed(work: Callable[[], Any], *, rounds: int = ROUNDS) -> tuple[float, float]:
    """Medians in milliseconds: of CPU, which is what a page costs a server, and of what
    went by."""
    taken = []
    for _ in range(rounds):
        began = time.process_time(), time.perf_counter()
        work()
        ended = time.process_time(), time.perf_counter()
        taken.append([1000 * (b - a) for a, b in zip(began, ended, strict=True)])
    cpu, wall = (statistics.median(column) for column in zip(*taken, strict=True))
    return cpu, wall


def addresses() -> dict[str, str]:
    """Every page of the project, one of each kind of thing, and every chart."""
    from monitoring.watch.pages import FRAMES
    from serving.models import Prediction
    from tools.screens_data import HOUSE, PLACES

    day = hours()[-48]
    log = f"from={day:%FT%H:%M}&to={day + timedelta(hours=6):%FT%H:%M}&model=1"
    charts = [f"monitor/charts/{name}" for name in FRAMES]
    answer = Prediction.objects.order_by("-pk").values_list("pk", flat=True)[0]
    details = ["models/1", "models/2", "mistakes/1", f"predictions/{answer}", "data/1"]
    details += ["charts/goal", "rollout/evidence", "loop"]
    inside = [*PLACES, f"predictions?{log}", *details, *charts]
    house = {address: address for address in HOUSE.values()}
    return house | {
        each or "overview": f"/p/churn/{each}".rstrip("/") for each in inside
    }


def measure_ours(naive: float) -> tuple[float, list[str]]:
    """Every page and chart once for warmth, then five times. The slowest one's median,
    and which are wrong."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from registry.models import User

    client = Client(headers={"Host": "localhost"})
    client.force_login(User.objects.get(username="owen"))
    slowest, wrong = 0.0, []
    for name, path in addresses().items():
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            status = client.get(path).status_code
            asked = len(queries)
        cpu, wall = timed(lambda path=path: client.get(path))  # type: ignore[misc]
        slowest = max(slowest, cpu)
        if status != 200 or cpu > LIMIT_MS:
            wrong.append(name)
        print(
            f"{name[:36]:36} {status} {cpu:7.1f} ms ({wall:6.1f} by)  {asked:3d} queries  "
            f"{naive / cpu:7.1f} times as fast as one pass over the rows",
            flush=True,
        )
    return slowest, wrong


if __name__ == "__main__":
    main()
