"""`make bench-labelling`: an answer with its next card at 100 000 examples, against the
naive way: ORDER BY score over every example, and COUNT for the progress.

One process, one person, SQLite, this machine, one run: what counts is the ratio. Ours
checks the lease, stores the answer and the truth, claims the next card and commits
(synchronous=FULL); the naive way stores the answer and asks for the best row and counts.
"""

import json
import os
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

EXAMPLES = int(os.environ.get("BENCH_EXAMPLES", "100000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
WORDS = "bird struck wing engine nose left right at dawn dusk no damage seen".split()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        ours, imported = measure_ours()
        naive = measure_naive(Path(folder))
    print(f"import of {EXAMPLES:,} examples: {imported:.1f} s, vectors included")
    report("ours: answer, truth, next card", ours)
    report("naive: ORDER BY score and COUNT", naive)
    ratio = statistics.median(naive) / statistics.median(ours)
    print(f"ours is {ratio:.1f} times as fast at {EXAMPLES:,} examples")


def report(name: str, seconds: list[float]) -> None:
    ordered = sorted(1000 * one for one in seconds)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
    print(f"{name:34} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms")


def prepare(folder: Path) -> None:
    os.environ |= {
        "DATA_DIR": str(folder / "var"),
        "SECRET_KEY": secrets.token_hex(32),
        "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
    }
    (folder / "var").mkdir()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def texts() -> list[str]:
    return [
        f"report {n}: {WORDS[n % 13]} {WORDS[n // 13 % 13]} {WORDS[n // 169 % 13]}"
        for n in range(EXAMPLES)
    ]


def measure_ours() -> tuple[list[float], float]:
    import numpy as np

    from labelling.labeller import heads
    from labelling.labeller.annotate import Answer, submit
    from labelling.labeller.intake import import_examples
    from labelling.labeller.queue import hand_out
    from registry.clock import now
    from registry.models import Project, User

    project = Project.objects.create(
        slug="mail",
        name="Mail",
        task="binary",
        target="spam",
        classes=["No", "Yes"],
        positive_class="Yes",
        fields=[{"name": "text", "kind": "text"}],
        primary_metric="log_loss",
    )
    erin = User.objects.create(username="Erin")
    started = time.perf_counter()
    items = ({"payload": {"text": text}} for text in texts())
    import_examples(project=project, items=enumerate(items), now=now())
    imported = time.perf_counter() - started
    heads.refresh(project=project, now=now(), rng=np.random.default_rng(0))
    common: dict[str, Any] = {"project": project, "user": erin, "reviews": False}
    card = hand_out(**common, count=1, now=now()).cards[0]

    def answer() -> None:
        nonlocal card
        done = submit(
            **common,
            example_id=card.example.pk,
            token=card.lease.token,
            answer=Answer(value="Yes"),
            client_key=uuid4().hex,
            count=1,
            now=now(),
        )
        card = done.next.cards[0]

    return timed(answer), imported


def measure_naive(folder: Path) -> list[float]:
    """One table, a score in every row, as most labelling scripts have it."""
    base = sqlite3.connect(folder / "naive.sqlite3", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute(
        "CREATE TABLE task (id INTEGER PRIMARY KEY, data TEXT, score REAL, label TEXT)"
    )
    base.execute("BEGIN")
    base.executemany(
        "INSERT INTO task (data, score) VALUES (?, ?)",
        ((json.dumps({"text": text}), (n * 7919) % 1e6) for n, text in enumerate(texts())),
    )
    base.execute("COMMIT")
    best = "SELECT id, data FROM task WHERE label IS NULL ORDER BY score LIMIT 1"
    task = base.execute(best).fetchone()

    def answer() -> None:
        nonlocal task
        base.execute("UPDATE task SET label = 'Yes' WHERE id = ?", task[:1])
        base.execute("SELECT COUNT(*) FROM task WHERE label IS NULL").fetchone()
        task = base.execute(best).fetchone()

    found = timed(answer)
    base.close()
    return found


def timed(deed: Callable[[], None]) -> list[float]:
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        deed()
        found.append(time.perf_counter() - started)
    return found


if __name__ == "__main__":
    main()
