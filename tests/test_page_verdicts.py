"""The head of a page says how things are, not what the page is for."""

import re

import pytest

from monitoring.models import Alert
from registry.models import ModelVersion, Project, Run
from serving import rollout
from tests.factories import make_project, make_serving, sign_in
from tests.full_project import make_full_project, make_people

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),
]


@pytest.fixture
def churn() -> Project:
    return make_full_project()


def verdict(place: str) -> str:
    """What stands under the title of a page of churn."""
    page = sign_in("Vera").get(f"/p/churn/{place}").content.decode()
    (found,) = re.findall(r'<p class="verdict"[^>]*>(.*?)</p>', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def test_runs_say_what_the_last_one_found(churn: Project) -> None:
    assert verdict("runs").startswith("The last one was run 2. ")

    Run.objects.filter(number=2).update(state="running", error="")

    assert verdict("runs").startswith("Run 2 is going on")


def test_the_monitor_says_what_is_wrong_and_when_nothing_is(churn: Project) -> None:
    assert verdict("monitor") == "An alert fires and needs somebody: performance."

    Alert.objects.filter(state="pending").update(state="firing")
    assert (
        verdict("monitor") == "2 alerts fire and need somebody: drift and performance."
    )

    Alert.objects.exclude(state="resolved").update(state="acknowledged")
    assert verdict("monitor").startswith(
        "Somebody looks after what is wrong: drift and p"
    )

    Alert.objects.exclude(state="resolved").update(state="muted")
    assert verdict("monitor").startswith("What is wrong is muted: drift and perf")

    Alert.objects.exclude(state="resolved").update(state="pending")
    assert verdict("monitor").startswith(
        "Not sure yet whether something is wrong: drift and performance; "
    )

    Alert.objects.update(state="resolved")
    assert verdict("monitor").startswith("Nothing is wrong, as far as it is known: ")
    assert "answers of version 1 in this period, none failed." in verdict("monitor")
    assert "no answer of version 1" in verdict(
        "monitor?from=2020-01-01T00:00&to=2020-02-01T00:00"
    )


def test_a_monitor_with_nothing_to_watch_says_so() -> None:
    make_people(make_project())

    assert verdict("monitor") == "No model answers yet."


def test_models_say_what_the_live_one_is_worth_and_what_waits(churn: Project) -> None:
    assert verdict("models") == (
        "Version 1 is live. It is the baseline: every model has to beat it. 1 version "
        "waits for approval."
    )

    trained = ModelVersion.objects.get(number=2)
    numbers = {"metric": "cost", "gain": 2.5, "low": 1.0, "high": 4.0, "n": 48}
    rule = {"rule": "better than baseline", "passed": True, "text": "Better."}
    trained.reasons = [rule | {"numbers": numbers}]
    trained.save()
    row = rollout.of_project(churn)
    rollout.promote(rollout=row, by="a test", revision=row.revision)
    ModelVersion.objects.filter(number=3).update(state="rejected")

    said = verdict("models")
    assert said.startswith("Version 2 is live. It ")
    assert said.endswith("than the baseline on the sealed test, for sure.")
    assert verdict("models?show=rejected") == said


def test_models_that_are_none_say_so() -> None:
    make_people(make_project())

    assert verdict("models") == "No version answers yet."


@pytest.mark.parametrize(
    ("question", "polls"),
    [("", True), ("?period=7d", True), ("?from=2020-01-01T00:00", False)],
)
def test_charts_ask_again_where_the_period_goes_on(question: str, polls: bool) -> None:
    project = make_serving().project
    make_people(project)

    page = sign_in("Vera").get(f"/p/churn/monitor{question}").content.decode()

    assert ('data-poll="60"' in page) is polls
    assert page.count("data-chart=") > 5
