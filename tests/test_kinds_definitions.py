"""The bird strikes and digits examples: words and images as projects, each in under 100
lines; who learns from what, and what a labeller sees."""

from pathlib import Path
from types import ModuleType

import pytest

from labelling.labeller.intake import import_examples
from labelling.models import Example
from mlsystem.examples import birdstrikes, digits
from registry import datasets, definition_sync
from registry.clock import now
from registry.models import Project
from tests.factories import make_user


def install(slug: str) -> Project:
    return definition_sync.install(slug=slug, by=make_user("Ada"))[0]


@pytest.mark.parametrize("module", [birdstrikes, digits])
def test_the_module_stays_under_100_lines_and_imports_definitions_alone(
    module: ModuleType,
) -> None:
    text = Path(module.__file__ or "").read_text()
    assert len(text.splitlines()) < 100
    ours = ("registry", "serving", "labelling", "monitoring", "mlsystem")
    imports = [
        line for line in text.splitlines() if line.startswith(("from", "import"))
    ]
    found = [
        line.split()[1] for line in imports if line.split()[1].split(".")[0] in ours
    ]
    assert found == ["registry.definitions"]


@pytest.mark.django_db
def test_bird_strikes_learn_from_words_and_context_before_1994() -> None:
    project = install("birdstrikes")
    kinds = {field["name"]: field["kind"] for field in project.fields}
    assert kinds["remarks"] == "text"
    assert len(kinds) == 14
    assert not {"effect", "opid", "date", "wording", "report"} & set(kinds)
    assert project.classes[0] == "none"
    assert project.card == ["remarks", "phase_of_flt", "birds_struck"]
    dataset = project.datasets.get()
    assert dataset.rows == 8045
    assert dataset.split.kind == "group"
    counts = dataset.split.counts
    assert 0.15 < counts["test"] / dataset.rows < 0.25
    learnt = datasets.training_frame(dataset)
    assert (learnt["effect"] == "none").mean() == pytest.approx(0.91, abs=0.02)


@pytest.mark.django_db
def test_equal_words_never_straddle_the_parts() -> None:
    dataset = install("birdstrikes").datasets.get()
    learnt = datasets.training_frame(dataset)["remarks"].dropna()
    tested = datasets.test_inputs(dataset)["remarks"].dropna()
    assert not set(learnt.str.split().str.join(" ")) & set(
        tested.str.split().str.join(" ")
    )
    empty = datasets.test_inputs(dataset)["remarks"].isna().mean()
    assert empty > 0.05  # without words, each report is its own group


@pytest.mark.django_db
def test_experts_get_the_reports_of_1994_without_their_effect() -> None:
    project = install("birdstrikes")
    pool = [
        row
        for row in birdstrikes.reports()
        if birdstrikes.HISTORY_UNTIL
        <= birdstrikes.reported_at(row)
        < birdstrikes.POOL_UNTIL
    ]
    items = [{"payload": row, "key": row["report"]} for row in pool]
    taken = import_examples(project=project, items=enumerate(items), now=now())
    assert (taken.created, taken.failed) == (2228, 0)
    cards = Example.objects.filter(duplicate_of=None).count()
    assert cards < 0.75 * taken.created  # equal words and phase are one card


@pytest.mark.django_db
def test_digits_begin_with_few_labelled_scans_and_split_by_scan() -> None:
    project = install("digits")
    assert project.fields == [{"name": "image", "kind": "image", "required": True}]
    assert project.classes == list("0123456789")
    dataset = project.datasets.get()
    assert 300 < dataset.rows < 420
    assert dataset.split.cuts == {"key": ["scan"]}
    parts = {digits.part_of(row["scan"]) for row in digits.scans()}
    assert parts == {"beginning", "pool", "production"}
    assert dataset.profile["image"]["missing"] == 0
    assert project.sources.get().name == "scans"


def test_the_scans_are_the_same_at_every_start() -> None:
    first = digits.scans()[:20]
    digits.scans.cache_clear()
    assert digits.scans()[:20] == first
