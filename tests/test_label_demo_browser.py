"""The two examples that people label, in a browser: ten reports, or ten scans, by the
keyboard, one taken back, the page loaded anew in between; and the model that they make."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from labelling.labeller.face import choices
from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example
from mlsystem import (
    baselines,
    tasks,  # noqa: F401  # registers the tasks
)
from mlsystem.builder import trials
from mlsystem.demo import birdstrikes, digits
from mlsystem.orchestrator import triggers
from mlsystem.orchestrator.foreground import work_through
from registry import definition_sync
from registry.clock import now
from registry.models import Project, Run
from tests.browsing import Watched
from tests.factories import make_user
from tests.watching import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]
WAITING, LABELS = 30, 10


def of_both_kinds() -> Iterator[Mapping[str, Any]]:
    """Reports that say something; with and without an effect on the flight."""
    effect = birdstrikes.EXPERTS.truth
    said = [one for one in birdstrikes.waiting() if one["payload"]["remarks"]]
    for kind in (True, False):
        kinds = (one for one in said if (effect(one["key"]) == "none") is kind)
        yield from islice(kinds, WAITING // 2)


@pytest.fixture(autouse=True)
def _two_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess, and a model."""
    monkeypatch.setattr(trials, "MOST_TRIALS", 2)


@pytest.fixture
def project(module: ModuleType) -> Project:
    """An example as it is installed, with thirty items that wait for Erin."""
    found, _ = definition_sync.install(slug=module.STORY.slug)
    baselines.open_if_missing(project=found)
    Project.objects.update(autopilot="propose", retrain_after=LABELS)
    items = of_both_kinds() if module is birdstrikes else digits.waiting()
    taken = import_examples(
        project=found, items=enumerate(islice(items, WAITING)), now=now()
    )
    assert (taken.created, taken.failed) == (WAITING, 0)
    make_user("Erin", project=found, role="labeller")
    make_user("Owen", project=found, role="owner")
    return found


def loaded(image: Locator) -> None:
    """It is drawn, not only in the page."""
    eventually(lambda: image.evaluate("(img) => img.naturalWidth") > 0)


class Bench:
    """Who sits at the page and answers what is shown on it."""

    def __init__(self, page: Page, project: Project, truth: Callable[[str], str]):
        self.page, self.slug, self.truth = page, project.slug, truth
        self.keys = {one["value"]: one["key"] for one in choices(project)}
        self.last = ""

    def card(self) -> Locator:
        """The one that is seen, once it is another than the last."""
        seen = f'[data-card]:not([hidden]):not([data-example="{self.last}"])'
        found = self.page.locator(seen)
        expect(found).to_be_visible()
        return found

    def answer(self, *, wrong: bool = False) -> str:
        """Press the key of what is true, or of something else; the class that was said."""
        card = self.card()
        for image in card.locator(".item img").all():
            loaded(image)
        self.last = card.get_attribute("data-example") or ""
        true = self.truth(Example.objects.get(pk=self.last).key)
        said = next(name for name in self.keys if (name == true) is not wrong)
        self.page.keyboard.press(self.keys[said])
        return said

    def take_back(self, said: str) -> None:
        self.page.keyboard.press("u")
        self.last = ""
        back = self.page.locator("[data-card]:not([hidden]) .was")
        expect(back).to_contain_text(said)

    def stored(self) -> None:
        kept = f"Object.keys(localStorage).join().includes('label:{self.slug}:')"
        eventually(lambda: not self.page.evaluate(kept))


def finish(run: Run) -> Run:
    run.params = {"slots": 1, "algorithms": ["linear"]}
    run.budget_seconds = 1800  # a busy machine may need more than the usual two minutes
    run.save()
    return work_through(run, tell=lambda _run, _steps: None)


@pytest.mark.parametrize(
    "module", [birdstrikes, digits], ids=lambda one: one.STORY.slug
)
def test_ten_by_keyboard_undo_reload_and_a_new_model_with_its_verdict(
    enter: Callable[..., Watched], project: Project, module: ModuleType
) -> None:
    session = module.EXPERTS if module is birdstrikes else module.READERS
    watched = enter("Erin")
    page = watched.page
    watched.open(f"/p/{project.slug}/label")
    ready = page.locator("[data-bench][data-ready]")
    expect(ready).to_be_visible()
    bench = Bench(page, project, session.truth)
    images = bench.card().locator(".item img")
    expect(images).to_have_count(1 if module is digits else 0)

    for _ in range(4):
        bench.answer()
    slip = bench.answer(wrong=True)
    bench.stored()
    bench.take_back(slip)
    bench.answer()
    bench.stored()
    page.reload()
    expect(ready).to_be_visible()
    bench.take_back(session.truth(Example.objects.get(pk=bench.last).key))
    for _ in range(6):
        bench.answer()
    bench.stored()

    expect(page.locator("[data-mine-shown]")).to_have_text(str(LABELS))
    trained = page.locator("[data-next-run]")
    expect(trained).to_have_text("A new model is trained in a moment")
    answers = Annotation.objects.filter(state="submitted").select_related("example")
    values = [answer.value for answer in answers]
    assert values == [session.truth(answer.example.key) for answer in answers]
    assert len(values) == LABELS

    assert triggers.answer_labels(now()) == 1
    run = finish(Run.objects.get())
    assert run.state == "succeeded", run.error
    learnt = run.steps.get(name="extract").outputs["counts"]
    assert learnt["labelled"] == LABELS
    assert learnt["from labels"] + learnt["their like is judged"] == LABELS
    version = run.versions.get()
    state = version.get_state_display()
    page.reload()
    expect(trained).to_have_text(
        f"{LABELS} more labels until a new model is trained; the last one was "
        f"{state.lower()}"
    )
    owner = enter("Owen")
    owner.open(f"/p/{project.slug}/models?show=all&order=newest")
    newest = owner.page.locator("#board tbody tr").first
    expect(newest).to_contain_text(version.name)
    expect(newest).to_contain_text(state)
    newest.get_by_role("link", name=str(version.number), exact=True).click()
    for reason in version.reasons:
        expect(owner.page.get_by_text(reason["text"], exact=True)).to_be_visible()
    assert watched.said + watched.refused() == []
    assert owner.said + owner.refused() == []
