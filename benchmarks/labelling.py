"""`make bench-labelling`: an answer with its next card at 100 000 examples, against the
naive way: ORDER BY score over every example, and COUNT for the progress. Import and
export against a loop that stores, or reads, each row by itself.

One process, one person, SQLite, this machine, one run: what counts is how the cost grows
and the ratio. Ours checks the lease, stores answer, truth and figures, claims the next
card and commits once (synchronous=FULL); the naive way, on the same tables by the same
ORM, stores the answer, counts, and asks for the best row.
"""

import os
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

IMPORTED = 5_000  # through the product's door; the others are copies of these
NAIVE = 1_000  # rows that are stored and read one by one
EXAMPLES = int(os.environ.get("BENCH_EXAMPLES", "100000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
WORDS = [
    "bird",
    "struck",
    "wing",
    "engine",
    "nose",
    "left",
    "right",
    "at",
    "dawn",
    "dusk",
    "no",
    "damage",
    "seen",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        few, ours, imported = measure_ours()
        naive = measure_naive()
        stored = measure_row_by_row()
        exported = measure_export()
        read = measure_export_row_by_row()
    imported.compare("import, vectors included", stored)
    exported.compare("export as CSV", read)
    few.report(f"ours at {IMPORTED:,}")
    ours.report(f"ours at {EXAMPLES:,}")
    naive.report(f"naive at {EXAMPLES:,}")
    print(
        f"{EXAMPLES // IMPORTED} times the examples cost {ours.cpu / few.cpu:.1f} times "
        f"the CPU; the naive way takes {naive.cpu / ours.cpu:.1f} times ours"
    )


@dataclass
class Bulk:
    """Of so many rows, all at once."""

    rows: int
    seconds: float
    cpu: float

    def compare(self, name: str, naive: "Bulk") -> None:
        each, other = self.cpu / self.rows, naive.cpu / naive.rows
        print(
            f"{name}: {100_000 * each:.1f} s of CPU for 100 000 rows, "
            f"{100_000 * self.seconds / self.rows:.1f} s by the clock; "
            f"row by row takes {other / each:.1f} times the CPU"
        )


@dataclass
class Timed:
    seconds: list[float]
    cpu: float  # mean, of this process

    def report(self, name: str) -> None:
        ordered = sorted(1000 * one for one in self.seconds)
        p50, p95 = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
        print(
            f"{name:34} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   "
            f"CPU {1000 * self.cpu:6.1f} ms"
        )


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


def texts(count: int) -> list[str]:
    return [
        f"report {n}: {WORDS[n % 13]} {WORDS[n // 13 % 13]} {WORDS[n // 169 % 13]}"
        for n in range(count)
    ]


def multiply() -> None:
    """Copies of what was imported, until there are EXAMPLES."""
    from django.db import connection, transaction

    from labelling.models import Example, ExamplePayload, ExampleVector

    changed = {"id": "id + {0}", "key": "key || '-{0}'", "shuffle": "abs(random()) % 2147483647",
               "content_hash": "content_hash || '{0}'", "example_id": "example_id + {0}"}  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        for step in range(IMPORTED, EXAMPLES, IMPORTED):
            for model in (Example, ExamplePayload, ExampleVector):
                names = [field.column for field in model._meta.concrete_fields]
                asked = [changed.get(name, name).format(step) for name in names]
                cursor.execute(
                    f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) SELECT "
                    f"{', '.join(asked)} FROM {model._meta.db_table} "
                    f"ORDER BY {names[0]} LIMIT {IMPORTED}"
                )


def measure_ours() -> tuple[Timed, Timed, Bulk]:
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
    items = ({"payload": {"text": text}} for text in texts(IMPORTED))
    imported = at_once(
        IMPORTED,
        lambda: import_examples(project=project, items=enumerate(items), now=now()),
    )
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

    few = timed(answer)
    multiply()
    heads.refresh(project=project, now=now(), rng=np.random.default_rng(0))
    return few, timed(answer), imported


def measure_naive() -> Timed:
    """The same tables: a score in every row, the best one first, and all of them
    counted for the progress, as most labelling tools have it."""
    from django.db import connection

    from labelling.models import Annotation, Example
    from registry.clock import now
    from registry.models import Project, User

    with connection.cursor() as cursor:
        cursor.execute("UPDATE labelling_example SET score = abs(random())")
    project, erin = Project.objects.get(), User.objects.get()
    waiting = Example.objects.filter(project=project, open_slots__gt=0)
    best = waiting.select_related("payload").order_by("score")
    card = best[0]

    def answer() -> None:
        nonlocal card
        Annotation.objects.create(
            example=card,
            user=erin,
            client_key=uuid4().hex,
            state="submitted",
            value="Yes",
            created_at=now(),
        )
        Example.objects.filter(pk=card.pk).update(open_slots=0, answer="Yes")
        waiting.count()
        card = best[0]

    return timed(answer, rounds=max(ROUNDS // 6, 1))


def measure_row_by_row() -> Bulk:
    """The same work on every row, and each stored by itself."""
    from labelling.labeller import drafts, vectors
    from labelling.models import Example, ExamplePayload, ExampleVector
    from registry.models import Project

    project = Project.objects.get()
    layout = vectors.layout_of(project.fields)

    def store() -> None:
        for text in texts(NAIVE):
            item = {"payload": {"text": f"again {text}"}}
            draft = drafts.read_draft(project=project, item=item, index=0)
            if Example.objects.filter(project=project, key=draft.key).exists():
                continue
            example = Example.objects.create(
                project=project,
                key=draft.key,
                content_hash=draft.content_hash,
                shuffle=secrets.randbits(31),
            )
            ExamplePayload.objects.create(example=example, data=draft.payload)
            ExampleVector.objects.create(
                example=example, layout=layout, data=draft.vector
            )

    return at_once(NAIVE, store)


def measure_export() -> Bulk:
    """Every example labelled once, as the REST download streams them."""
    from django.db import connection

    from labelling.labeller import export
    from labelling.models import Example
    from registry.clock import now
    from registry.models import Project, User

    Example.objects.update(state="labelled", answer="Yes", open_slots=0, agreement=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO labelling_annotation (example_id, user_id, client_key, state, "
            "value, cannot_tell, comment, reason, queue_version, guideline_version, late,"
            " decides, created_at) SELECT id, %s, 'copy ' || id, 'submitted', '\"Yes\"', "
            "0, '', 'random', 0, 0, 0, 0, %s FROM labelling_example",
            [User.objects.get().pk, now()],
        )
    project = Project.objects.get()
    return at_once(
        Example.objects.count(),
        lambda: sum(map(len, export.stream(project=project, kind="csv"))),
    )


def measure_export_row_by_row() -> Bulk:
    from labelling.models import Example

    def read() -> None:
        for example in Example.objects.order_by("pk")[:NAIVE]:
            names = [row.user.get_username() for row in example.annotations.all()]
            cells = [example.key, example.payload.data["text"], example.answer, names]
            ",".join(map(str, cells))

    return at_once(NAIVE, read)


def at_once(rows: int, deed: Callable[[], object]) -> Bulk:
    started, cpu = time.perf_counter(), time.process_time()
    deed()
    return Bulk(rows, time.perf_counter() - started, time.process_time() - cpu)


def timed(deed: Callable[[], None], rounds: int = ROUNDS) -> Timed:
    found, cpu = [], time.process_time()
    for _ in range(rounds):
        started = time.perf_counter()
        deed()
        found.append(time.perf_counter() - started)
    return Timed(found, (time.process_time() - cpu) / rounds)


if __name__ == "__main__":
    main()
