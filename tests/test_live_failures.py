"""Where the live version fails, that counts against it as it would against a candidate,
and nowhere as one more answer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from labelling.collector.truth import record_truth
from monitoring.judging.comparison import compare_rollout
from monitoring.models import AlertRule, HourBucket
from monitoring.monitor.findings import KINDS
from monitoring.monitor.folding import bring_up_to_date
from monitoring.owner import loop
from monitoring.owner.standing import standing
from monitoring.versions.mistakes import worst
from registry.actors import COMMAND_LINE
from registry.clock import moved_to, now
from registry.models import ModelVersion, Project
from registry.versions import forget_loaded, load_version
from serving import rollout as rollouts
from serving.frontend import front
from serving.model_server import states
from serving.models import Prediction, Rollout
from tests.calls import Rest
from tests.factories import (
    make_bare_version,
    make_canary,
    make_key,
    make_project,
    make_rows,
    make_rule,
    make_serving,
    make_user,
    make_version,
    sign_in,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),
]
UNREADABLE = 71  # the tenure at which the models of these tests raise


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    forget_loaded()
    yield
    forget_loaded()


class Picky:
    """A model that cannot read one tenure."""

    def __init__(self, well: Any) -> None:
        self.well, self.fields, self.classes_ = well, well.fields, well.classes_

    def predict(self, table: Any) -> Any:
        return self.well.predict(table)

    def predict_proba(self, table: Any) -> Any:
        if UNREADABLE in table.columns["tenure"].tolist():
            raise ValueError("unlucky")
        return self.well.predict_proba(table)


def make_picky(version: ModelVersion) -> None:
    loaded = load_version(version)
    loaded._model = Picky(loaded._model)


@pytest.fixture
def project() -> Project:
    """A baseline that reads all, and a live version that does not."""
    project = make_serving(make_project(silence="unknown")).project
    row = rollouts.of_project(project)
    version = make_version(project, model=make_rule(project, value=40))
    rollouts.go_live(rollout=row, version=version, by="a test", revision=1)
    make_picky(version)
    return project


def ask(project: Project, *, n: int, unreadable: int, said: str = "") -> None:
    """So many customers at half past the last hour; of the first ones nobody can read
    the tenure."""
    at = now().replace(minute=0, second=0, microsecond=0) - timedelta(minutes=30)
    rows = [row | {"tenure": 1 + i % 60} for i, row in enumerate(make_rows(n))]
    rows[:unreadable] = [row | {"tenure": UNREADABLE} for row in rows[:unreadable]]
    asked = [
        {"input": row, "user": f"u{i}", "reference": f"r{i}"}
        for i, row in enumerate(rows)
    ]
    with moved_to(at):
        front.predict_batch(project=project, requests=asked, actor=COMMAND_LINE, now=at)
        if said:
            items = [{"reference": f"r{i}", "value": said} for i in range(n)]
            record_truth(project=project, items=items, actor=COMMAND_LINE, now=at)
    bring_up_to_date(project)


def test_the_failure_of_live_is_a_row_of_its_own(project: Project) -> None:
    ask(project, n=3, unreadable=1)

    failed = Prediction.objects.exclude(error="").get()
    answer = Prediction.objects.get(pk=failed.shadow_of)

    assert (failed.role, failed.version.number, failed.output) == ("live", 2, {})
    assert "unlucky" in failed.error or "ValueError" in failed.error
    assert (answer.role, answer.version.number) == ("fallback", 1)
    bucket = HourBucket.objects.get(version__number=2, role="live")
    assert (bucket.n, bucket.errors) == (3, 1)


def test_inputs_that_neither_can_read_do_not_take_the_candidate_back(
    project: Project,
) -> None:
    make_picky(make_canary(project, percent=50).candidate)
    for number in (2, 3):
        assert isinstance(
            load_version(project.versions.get(number=number))._model, Picky
        )
    Rollout.objects.update(started_at=now() - timedelta(hours=2))
    ask(project, n=600, unreadable=4)

    found = compare_rollout(rollouts.of_project(project), now=now(), with_units=False)

    counts = {
        (row["version__number"], row["role"]): row["errors"]
        for row in HourBucket.objects.filter(errors__gt=0).values(
            "version__number", "role", "errors"
        )
    }
    assert sum(counts.values()) == 4
    assert set(counts) == {(2, "live"), (3, "canary")}
    live = next(one for one in found["models"] if one["variant"] == "live")
    assert live["metrics"]["error_rate"]["value"] > 0
    assert found["guardrails"][0]["ok"]


def test_an_answer_that_another_gave_is_one_answer(project: Project) -> None:
    make_user("Ada", project=project, role="admin")
    ask(project, n=60, unreadable=20, said="Yes")

    rollout = rollouts.of_project(project)
    told = standing(rollout, now=now() + timedelta(days=1))
    seen = loop.look(project, rollout, now=now())
    page = sign_in("Ada").get("/p/churn/monitor").content.decode()

    assert told["traffic"]["period"] == 60
    assert sum(seen.answered.values()) == 60
    live = told["sides"]["live"]
    assert (live["answers"], live["coverage"]) == (40, 1.0)
    assert "33.3\xa0% failed" in page


def test_over_rest_the_log_lists_each_answer_once(project: Project) -> None:
    ask(project, n=3, unreadable=1)
    rest = Rest(project, make_key(project, "manage", "read"))

    everything = rest.get("predictions").json()["results"]
    of_live = rest.get("predictions?model=2").json()["results"]

    assert sorted(one["variant"] for one in everything) == ["fallback", "live", "live"]
    assert len(of_live) == 3
    assert sum("error" in one for one in of_live) == 1


def test_what_gave_no_answer_is_no_mistake_and_teaches_nothing(
    project: Project,
) -> None:
    from mlsystem.orchestrator.harvest import _from_production

    ask(project, n=10, unreadable=4, said="Yes")

    mistakes, of = worst(project.versions.get(number=2))
    counts = dict.fromkeys(("matched", "altered by us", "repeated"), 0)
    rows = _from_production(project, ["tenure", "churn"], counts)

    assert of == 6
    assert all(mistake.said for mistake in mistakes)
    assert (counts["matched"], len(rows)) == (10, 10)


def test_a_failed_row_says_so_on_its_page(project: Project) -> None:
    make_user("Owen", project=project, role="owner")
    ask(project, n=1, unreadable=1)
    failed = Prediction.objects.exclude(error="").get()

    page = sign_in("Owen").get(f"/p/churn/predictions/{failed.pk}").content.decode()
    answer = sign_in("Owen").get(f"/p/churn/predictions/{failed.shadow_of}")

    assert "Version 2 failed at r0." in page
    assert "What other versions said" in answer.content.decode()


def test_the_alert_hears_of_a_live_file_that_the_version_before_answers_for(
    project: Project,
) -> None:
    version = make_version(project, model=make_rule(project, value=30))
    row = rollouts.of_project(project)
    rollouts.go_live(rollout=row, version=version, by="a test", revision=row.revision)
    ModelVersion.objects.filter(pk=version.pk).update(signature="torn")
    forget_loaded()
    states.forget()
    ask(project, n=60, unreadable=0)
    rule = AlertRule.objects.create(project=project, kind="failures")

    found = KINDS["failures"](rule, rollouts.of_project(project).live, now())

    assert set(Prediction.objects.values_list("version__number", "role")) == {
        (2, "fallback")
    }
    assert (found.bad, found.n, found.value) == (True, 60, 1.0)
    assert found.message == "60 of 60 answers came from a fall-back."


def test_answers_of_versions_before_keep_the_alert_in_proportion(
    project: Project,
) -> None:
    """A failed one and the one instead are one answer, so half is a half."""
    ask(project, n=60, unreadable=30)
    rule = AlertRule.objects.create(project=project, kind="failures")
    found = KINDS["failures"](rule, rollouts.of_project(project).live, now())
    assert (found.n, found.value) == (60, 0.5)


def test_a_bare_version_that_never_answered_is_no_failure() -> None:
    project = make_project()
    version = make_bare_version(project)
    rollouts.open_with_baseline(project=project, version=version)
    rule = AlertRule.objects.create(project=project, kind="failures")
    assert KINDS["failures"](rule, version, now()).bad is None
