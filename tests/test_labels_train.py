"""What experts label becomes rows to learn from, enough of it starts a run, and what was
chosen because it teaches most never judges."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest

from labelling.labeller import fresh
from labelling.labeller.annotate import read_answer, submit, undo
from labelling.labeller.intake import import_examples
from labelling.labeller.queue import hand_out
from labelling.models import Example, GroundTruth, Queue, QueueEntry
from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline, triggers
from mlsystem.orchestrator.foreground import work_through
from registry import datasets, jobs
from registry.clock import now
from registry.models import Job, ModelVersion, Project, Run, User
from tests.calls import Rest
from tests.factories import make_dataset, make_key, make_project, make_user, sign_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]
BUDGET = 1800  # seconds: a few trials end a build, on a machine however busy
WORDS = {
    "bird": ["gull", "sparrow", "feathers", "wing", "beak", "nest"],
    "plane": ["engine", "rudder", "cockpit", "flaps", "runway", "pilot"],
}


def says(number: int) -> str:
    return ("bird", "plane")[number % 2]


def text_of(number: int) -> str:
    """Different words every time; a few of its class among much that tells nothing."""
    own = WORDS[says(number)][number % 6]
    return f"{own} report {number} filler{number % 7} note{number % 11}"


@pytest.fixture
def notes() -> Project:
    project = make_project(
        "notes",
        target="about",
        classes=["bird", "plane"],
        positive_class="plane",
        fields=[{"name": "text", "kind": "text"}],
        entity=["note"],
        horizon=None,
        silence="unknown",
        primary_metric="log_loss",
        costs={},
        decision={},
        autopilot="propose",
        retrain_after=10,
    )
    rows = [{"note": f"N{n}", "text": text_of(n), "about": says(n)} for n in range(200)]
    make_dataset(project, frame=pd.DataFrame(rows))
    return project


@pytest.fixture
def erin(notes: Project) -> User:
    return make_user("Erin", project=notes, role="labeller")


def put(project: Project, numbers: Any, **more: Any) -> None:
    items = [
        {"payload": {"text": text_of(n), "note": f"N{n}"} | more, "key": f"N{n}"}
        for n in numbers
    ]
    taken = import_examples(project=project, items=enumerate(items), now=now())
    assert not taken.errors


def head(project: Project, reasons: dict[str, str]) -> None:
    """The head of the queue, each with the reason for which it is there."""
    Queue.objects.update_or_create(project=project, defaults={"version": 1})
    for position, (key, reason) in enumerate(reasons.items()):
        example = Example.objects.get(project=project, key=key)
        QueueEntry.objects.create(
            project=project,
            version=1,
            position=position,
            example=example,
            reason=reason,
        )


def label(project: Project, user: User, *, count: int, wrong: bool = False) -> None:
    """Answer the next cards as somebody who reads them."""
    for _ in range(count):
        (card,) = hand_out(
            project=project, user=user, reviews=False, count=1, now=now()
        ).cards
        number = int(card.example.key.removeprefix("N"))
        value = says(number + wrong)
        submit(
            project=project,
            example_id=card.example.pk,
            user=user,
            reviews=False,
            token=card.lease.token,
            answer=read_answer(project=project, value=value, cannot_tell=False),
            client_key=uuid4().hex,
            count=0,
            now=now(),
        )


def finish(run: Run) -> Run:
    work_through(run, tell=lambda _run, _steps: None)
    run.refresh_from_db()
    return run


def start(project: Project) -> Run:
    return pipeline.start(
        project=project, budget=BUDGET, params={"slots": 1}, now=now()
    )


def extracted(project: Project) -> dict[str, int]:
    """What the first step of a run counts; the rest of it is not waited for."""
    run = start(project)
    jobs.work_here(Job.objects.get(project=project, state=Job.State.QUEUED))
    counts: dict[str, int] = run.steps.get(name="extract").outputs["counts"]
    pipeline.cancel(run=run, now=now())
    return counts


def test_ten_fresh_labels_start_a_run_and_a_new_version_appears_with_its_verdict(
    notes: Project, erin: User
) -> None:
    first = finish(start(notes))
    assert first.verdict == "accepted"
    put(notes, range(200, 230))
    label(notes, erin, count=9)
    assert triggers.answer_labels(now()) == 0
    label(notes, erin, count=1)
    assert fresh.new_labels(notes) == 10
    assert triggers.answer_labels(now()) == 1
    run = notes.runs.first()
    assert run.trigger == "labels"
    assert (
        triggers.answer_labels(now()) == 0
    )  # one at a time, and they are being learnt
    run.params, run.budget_seconds = {"slots": 1}, BUDGET
    run.save()
    finish(run)
    assert run.state == "succeeded", run.error
    assert run.report is not None
    counts = run.steps.get(name="extract").outputs["counts"]
    assert counts["labelled"] == counts["from labels"] == 10
    version = ModelVersion.objects.get(run=run)
    assert version.dataset.rows == 210
    assert version.state in {"accepted", "rejected"}
    assert version.reasons
    assert fresh.new_labels(notes) == 0
    assert f"the last one was {version.state}" in str(fresh.next_run(notes))


def test_who_labels_and_who_owns_see_how_many_are_left(
    notes: Project, erin: User
) -> None:
    put(notes, range(200, 230))
    label(notes, erin, count=3)
    make_user("Owen", project=notes, role="owner")
    bench = sign_in("Erin")
    words = "7 more labels until a new model is trained"
    assert words in bench.get("/p/notes/label").content.decode()
    assert words in sign_in("Owen").get("/p/notes").content.decode()

    card = bench.get("/p/notes/label").context["card"]
    form = {"example": card.example.pk, "lease": card.lease.token, "value": "bird"}
    step = bench.post("/p/notes/label/step", form).content.decode()
    assert "6 more labels" in step
    label(notes, erin, count=6)
    assert triggers.answer_labels(now()) == 1
    going = "A new model is being trained"
    assert going in bench.get("/p/notes/label").content.decode()

    pipeline.cancel(run=notes.runs.get(), now=now())
    for changes in ({"autopilot": "manual"}, {"retrain_after": 0}):
        Project.objects.filter(pk=notes.pk).update(
            **{"autopilot": "propose", "retrain_after": 10} | changes
        )
        silent = bench.get("/p/notes/label").content.decode()
        assert "more labels" not in silent


def test_chosen_labels_only_train_and_random_ones_may_test(
    notes: Project, erin: User
) -> None:
    numbers = range(200, 260)
    put(notes, numbers)
    drawn = {f"N{n}" for n in numbers if n % 2}
    head(notes, {f"N{n}": "random" if n % 2 else "least sure" for n in numbers})
    label(notes, erin, count=60)
    counts = extracted(notes)
    assert counts["from labels"] == 60
    assert counts["only train"] == 30
    dataset = notes.datasets.first()
    parts = {
        "training": set(datasets.training_frame(dataset, ("training",))["note"]),
        "validation": set(datasets.training_frame(dataset, ("validation",))["note"]),
        "test": set(datasets.test_inputs(dataset)["note"]),
    }
    fresh = {f"N{n}" for n in numbers}
    assert fresh - drawn <= parts["training"]
    judged = fresh & (parts["validation"] | parts["test"])
    assert judged
    assert judged <= drawn


def test_what_trained_goes_on_training_when_more_comes_in(
    notes: Project, erin: User
) -> None:
    put(notes, range(200, 240))
    head(notes, {f"N{n}": "least sure" for n in range(200, 240)})
    label(notes, erin, count=20)
    extracted(notes)
    before = set(datasets.training_frame(notes.datasets.first(), ("training",))["note"])
    label(notes, erin, count=20)
    extracted(notes)
    newest = notes.datasets.first()
    after = set(datasets.training_frame(newest, ("training",))["note"])
    assert before < after
    assert newest.rows == 240


def test_a_chosen_label_whose_like_is_tested_is_left_out(
    notes: Project, erin: User
) -> None:
    tested = datasets.test_inputs(notes.datasets.get())["note"].iloc[0]
    items = [{"payload": {"text": "gull again", "note": tested}, "key": "N900"}]
    import_examples(project=notes, items=enumerate(items), now=now())
    head(notes, {"N900": "least sure"})
    label(notes, erin, count=1)
    counts = extracted(notes)
    assert counts["their like is judged"] == 1
    assert notes.datasets.count() == 1


def test_a_label_taken_back_or_corrected_is_so_in_the_next_data(
    notes: Project, erin: User
) -> None:
    put(notes, range(200, 204))
    label(notes, erin, count=4)
    undo(project=notes, user=erin, now=now())
    extracted(notes)
    assert notes.datasets.first().rows == 203
    label(notes, erin, count=1, wrong=True)
    extracted(notes)
    assert notes.datasets.first().rows == 204


def test_garbage_in_an_item_keeps_that_item_out_and_no_other(
    notes: Project, erin: User
) -> None:
    put(notes, range(200, 203))
    put(notes, range(203, 206), photo="not an image")  # no field yet: nobody looks
    notes.fields = [*notes.fields, {"name": "photo", "kind": "image"}]
    notes.save()
    label(notes, erin, count=6)
    make_dataset(notes, frame=frame_with_photo(notes))
    counts = extracted(notes)
    assert (counts["unreadable"], counts["from labels"]) == (3, 3)


def frame_with_photo(project: Project) -> pd.DataFrame:
    rows = [
        {"note": f"M{n}", "text": text_of(n), "about": says(n), "photo": None}
        for n in range(100)
    ]
    return pd.DataFrame(rows)


def test_a_machine_that_may_not_start_runs_starts_none(
    notes: Project, erin: User
) -> None:
    put(notes, range(200, 220))
    label(notes, erin, count=20)
    for changes in (
        {"autopilot": "manual"},
        {"retrain_after": 0},
        {"retrain_after": 21},
    ):
        Project.objects.filter(pk=notes.pk).update(
            **{"autopilot": "propose", "retrain_after": 10} | changes
        )
        assert triggers.answer_labels(now()) == 0
    assert not Run.objects.exists()


def test_undone_labels_and_other_truths_do_not_count(
    notes: Project, erin: User
) -> None:
    put(notes, range(200, 220))
    label(notes, erin, count=3)
    undo(project=notes, user=erin, now=now())
    GroundTruth.objects.create(
        project=notes, key_kind="entity", key="N1", value="bird", source="outcome",
        observed_at=now(), received_at=now() + timedelta(seconds=1),
    )  # fmt: skip
    assert fresh.new_labels(notes) == 3 - 1
    assert fresh.new_labels(notes, most=1) == 1


def test_a_back_test_trains_nothing_that_labellers_wait_for(notes: Project) -> None:
    put(notes, range(200, 203))
    pipeline.start(project=notes, budget=120, as_of=now(), now=now())
    assert str(fresh.next_run(notes)) == "10 more labels until a new model is trained"


def test_how_many_labels_start_a_run_is_set_with_the_autopilot(notes: Project) -> None:
    rest = Rest(notes, make_key(notes, "manage", "read"))
    answer = rest._send(
        "put", "autopilot", {"mode": "automatic", "retrain_after": 25}, {}
    )
    assert answer.status_code == 200
    assert answer.json()["retrain_after"] == 25
    told = rest.get("autopilot").json()
    assert (told["mode"], told["retrain_after"], told["new_labels"]) == (
        "automatic",
        25,
        0,
    )
    assert "labels" in told["meaning"]
    wrong = rest._send("put", "autopilot", {"mode": "manual", "retrain_after": -1}, {})
    assert wrong.status_code == 400
