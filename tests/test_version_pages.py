"""The leaderboard, two versions side by side, and the report of one: what they say, to
whom, and what the buttons do."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from labelling.models import Match
from monitoring.models import Evaluation
from monitoring.versions import board, mistakes
from registry.clock import now
from registry.models import ModelVersion, Project
from tests.factories import make_bare_version, make_prediction, make_project, sign_in
from tests.full_project import make_full_project, make_people

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.fixture
def churn() -> Project:
    return make_full_project()


def judged(version: ModelVersion, **metrics: float) -> Evaluation:
    """A report as the sealed test gives it, with these values."""
    numbers = {
        key: {"value": value, "low": value - 1, "high": value + 1, "n": 400}
        for key, value in metrics.items()
    }
    report = {
        "task": "binary", "metrics": numbers, "error_distribution": {},
        "calibration": [], "thresholds": None, "slices": [],
    }  # fmt: skip
    return Evaluation.objects.create(
        project=version.project, version=version, kind="test", n=400, report=report
    )


def order(page: str) -> list[int]:
    return [
        int(part.split('"')[0]) for part in page.split('name="compare" value="')[1:]
    ]


def test_the_best_version_comes_first_and_the_untested_last(churn: Project) -> None:
    vera = sign_in("Vera")
    best = make_bare_version(churn, 9)
    judged(best, cost=1.0)

    assert order(text(vera.get("/p/churn/models")))[0] == 9
    assert order(text(vera.get("/p/churn/models")))[-1] == 3
    assert order(text(vera.get("/p/churn/models?order=newest")))[:2] == [9, 3]


def test_of_many_versions_the_older_ones_are_behind_a_link(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "MOST", 3)
    vera = sign_in("Vera")
    assert "Older ones" not in text(vera.get("/p/churn/models?order=newest"))
    for number in range(10, 15):
        make_bare_version(churn, number)

    first = text(vera.get("/p/churn/models?order=newest"))
    assert order(first) == [14, 13, 12, 1]  # the baseline is always there
    assert "At most 3 versions are ranked together: these are the newest." in first
    (older,) = re.findall(r'href="([^"]*)">Older ones', first)
    second = text(vera.get(f"/p/churn/models{html.unescape(older)}"))
    assert order(second) == [11, 10, 3, 1]
    assert "The newest ones" in second
    (older,) = re.findall(r'href="([^"]*)">Older ones', second)
    last = text(vera.get(f"/p/churn/models{html.unescape(older)}"))
    assert order(last) == [2, 1]
    assert "Older ones" not in last


def test_the_newest_report_of_a_version_counts(churn: Project) -> None:
    version = make_bare_version(churn, 9)
    judged(version, cost=77.0)
    judged(version, cost=88.0)

    page = text(sign_in("Vera").get("/p/churn/models"))

    assert "88" in page
    assert "87 to 89" in page
    assert "76 to 78" not in page


def test_filters_show_the_rejected_with_the_baseline_beside_them(
    churn: Project,
) -> None:
    rejected = make_bare_version(churn, 9)
    ModelVersion.objects.filter(pk=rejected.pk).update(state="rejected")
    vera = sign_in("Vera")

    assert order(text(vera.get("/p/churn/models?show=rejected"))) == [1, 9]
    assert 9 not in order(text(vera.get("/p/churn/models")))
    assert 9 in order(text(vera.get("/p/churn/models?show=all")))
    assert vera.get("/p/churn/models?show=nonsense").status_code == 200


def test_the_rollback_target_and_what_was_merely_tried_are_marked(
    churn: Project,
) -> None:
    churn.rollout.previous = churn.versions.get(number=1)
    churn.rollout.save()

    page = text(sign_in("Vera").get("/p/churn/models"))

    assert "rollback target" in page
    assert "What run 1 tried" in page
    assert "4 trials" in page


def test_more_versions_cost_no_more_queries(churn: Project) -> None:
    vera = sign_in("Vera")

    def queries(path: str) -> int:
        vera.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert vera.get(path).status_code == 200
        return len(asked)

    few = queries("/p/churn/models")
    for number in range(10, 40):
        judged(make_bare_version(churn, number), cost=float(number))

    assert queries("/p/churn/models") == few
    assert queries("/p/churn/models?compare=1,2") < 20
    assert queries("/p/churn/models/2") < 20


def test_what_was_never_judged_has_no_drawings(churn: Project) -> None:
    page = text(sign_in("Vera").get("/p/churn/models/3"))

    assert "Not judged on a test set yet." in page
    assert "data-chart=" not in page


# Two side by side


@pytest.mark.parametrize("query", ["compare=1,2", "compare=2&compare=1"])
def test_the_difference_comes_first(churn: Project, query: str) -> None:
    page = text(sign_in("Vera").get(f"/p/churn/models?{query}"))

    assert "Version 2 beside version 1" in page
    assert "than version 1" in page
    assert page.index("Gain of 2") < page.index("Brier score")
    assert "/p/churn/charts/model/roc?of=2,1" in page
    assert "in both" in page


def test_what_the_gate_measured_in_pairs_is_what_is_said(churn: Project) -> None:
    numbers = {"gain": 8.1, "low": 4.3, "high": 11.4, "n": 900, "metric": "cost"}
    reason = {"rule": "better than baseline", "passed": True, "text": "x"}
    churn.versions.filter(number=2).update(reasons=[reason | {"numbers": numbers}])

    page = text(sign_in("Vera").get("/p/churn/models?compare=2,1"))

    assert "Version 2 costs 8.1 USD a customer less than version 1." in page
    assert "On the same rows of the sealed test" in page
    assert "4.3 to 11.4" in page


def test_one_that_was_never_tested_is_not_compared(churn: Project) -> None:
    page = text(sign_in("Vera").get("/p/churn/models?compare=2,3"))

    assert "cannot be compared" in page


@pytest.mark.parametrize("query", ["compare=2", "compare=1,2,3", "compare=2,2"])
def test_other_than_two_are_asked_for_two(churn: Project, query: str) -> None:
    page = text(sign_in("Vera").get(f"/p/churn/models?{query}", follow=True))

    assert "Choose two versions to compare." in page


@pytest.mark.parametrize(
    "query", ["compare=2,99", "compare=%00,1", "compare=x,y", f"compare=1,{'9' * 40}"]
)
def test_versions_that_are_none_break_nothing(churn: Project, query: str) -> None:
    answer = sign_in("Vera").get(f"/p/churn/models?{query}", follow=True)

    assert answer.status_code in {200, 400, 404}


# The report of one


def test_a_report_holds_what_an_auditor_asks_for(churn: Project) -> None:
    version = churn.versions.get(number=2)

    page = text(sign_in("Vera").get("/p/churn/models/2"))

    for words in (
        "On the sealed test set", "What was decided, and why", "Lineage",
        "Proof and files", version.sha256, version.dataset.sha256, "scikit-learn",
        "/artifact?format=skops", "run 1", "opened 2 times",
        "/p/churn/charts/model/calibration?of=2", "/p/churn/charts/model/importance?of=2",
    ):  # fmt: skip
        assert str(words) in page, words


def test_a_rejected_version_says_why_first(churn: Project) -> None:
    reason = {"rule": "enough rows", "passed": False, "text": "Too few test rows."}
    churn.versions.filter(number=3).update(
        state="rejected", reasons=[reason | {"numbers": {}}]
    )

    page = text(sign_in("Vera").get("/p/churn/models/3"))

    assert "Version 3 was rejected. Too few test rows." in page


@pytest.mark.faults
def test_a_version_whose_file_is_gone_says_so_and_what_to_do(churn: Project) -> None:
    from registry import storage

    version = churn.versions.get(number=1)
    assert "Its file is gone." not in text(sign_in("Vera").get("/p/churn/models/1"))

    storage.delete(version.uri)

    page = text(sign_in("Vera").get("/p/churn/models/1"))
    assert "Its file is gone." in page
    assert "change the rollout" in page


@pytest.mark.faults
def test_what_is_archived_already_is_not_to_be_archived(churn: Project) -> None:
    from registry import storage

    version = churn.versions.get(number=3)
    storage.delete(version.uri)
    assert "or archive the version." in text(sign_in("Owen").get("/p/churn/models/3"))

    sign_in("Owen").post("/p/churn/models/3/archive", {"reason": "Gone."})

    page = text(sign_in("Owen").get("/p/churn/models/3"))
    assert "Put the file back." in page
    assert "archive the version" not in page


def test_the_global_explanation_says_what_moves_the_answers(churn: Project) -> None:
    told = sign_in("Vera").get("/p/churn/charts/model/importance?of=2").json()

    assert told["title"] == "tenure moves the answers most"
    assert told["rows"][0][0] == "tenure"


@pytest.mark.parametrize(
    "query",
    ["roc", "nonsense?of=2", "roc?of=99", "roc?of=3", "slices?of=1,2", "roc?of=x"],
)
def test_a_drawing_that_is_none_is_not_found(churn: Project, query: str) -> None:
    assert sign_in("Vera").get(f"/p/churn/charts/model/{query}").status_code == 404


def test_mistakes_are_production_rows_and_for_owners_alone(churn: Project) -> None:
    path = "/p/churn/mistakes/1"

    page = text(sign_in("Owen").get(path))

    assert "Where it was most wrong in production" in page
    assert "/p/churn/predictions/" in page
    assert sign_in("Vera").get(path).status_code == 403
    assert path not in text(sign_in("Vera").get("/p/churn/models/1"))
    part = sign_in("Owen").get(path, headers={"HX-Request": "true"})
    assert "<html" not in text(part)
    none = text(sign_in("Owen").get("/p/churn/mistakes/3"))
    assert "No truth is known yet" in none


def test_mistakes_are_found_behind_answers_whose_truth_is_not_in_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mistakes, "LOOKED_AT", 3)
    project = make_project()
    version, other = make_bare_version(project, 1), make_bare_version(project, 2)
    for minutes in range(10):  # the oldest two were wrong; of the rest nobody knows
        for one in (version, other):
            at = now() - timedelta(hours=5) + timedelta(minutes=minutes)
            row = make_prediction(project, version=one, at=at)
            if minutes < 2:
                Match.objects.create(
                    project=project, prediction_id=row.pk, value="No", by_silence=True,
                    source="silence", observed_at=at, predicted_at=at,
                )  # fmt: skip

    worst, known = mistakes.worst(version)

    assert (len(worst), known) == (2, 2)


def test_mistakes_are_looked_for_among_so_many_truths_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a scoring asked for more than that at one moment, and its rows lie in
    no order of their numbers."""
    project = make_project()
    version, at = make_bare_version(project, 1), now() - timedelta(hours=5)
    for number, minutes in ((1, 0), (4, 1), (2, 1), (5, 1), (3, 1), (6, 2)):
        asked = at + timedelta(minutes=minutes)
        row = make_prediction(project, version=version, at=asked)
        Match.objects.create(
            pk=number, project=project, prediction_id=row.pk, value="No",
            by_silence=True, source="silence", observed_at=asked, predicted_at=asked,
        )  # fmt: skip
    looked = []
    for most in range(1, 8):
        monkeypatch.setattr(mistakes, "LOOKED_THROUGH", most)
        looked.append(mistakes.worst(version)[1])

    assert looked == [1, 2, 3, 4, 5, 6, 6]


def test_the_buttons_say_what_they_do_and_serving_versions_have_none(
    churn: Project,
) -> None:
    owen = sign_in("Owen")

    waiting = text(owen.get("/p/churn/models/3"))
    assert "waits for a second person" in waiting
    assert "Approve" in waiting
    assert "will not serve" in waiting
    assert "decide-title" not in text(owen.get("/p/churn/models/1"))
    assert "decide-title" not in text(sign_in("Vera").get("/p/churn/models/3"))


def test_why_is_kept_with_the_decision(churn: Project) -> None:
    sign_in("Owen").post(
        "/p/churn/models/3/reject", {"reason": "Too slow for the till."}
    )

    page = text(sign_in("Vera").get("/p/churn/models/3"))

    assert "Rejected by Owen: Too slow for the till." in page


def test_a_project_without_versions_says_what_to_do() -> None:
    make_people(make_project("empty"))

    page = text(sign_in("Vera").get("/p/empty/models"))

    assert "No version yet." in page
    assert sign_in("Vera").get("/p/empty/models/1").status_code == 404


def test_a_regression_is_reported_in_its_own_unit() -> None:
    project = make_project(
        "late", task="regression", classes=[], positive_class="", unit="minutes",
        primary_metric="mae", costs={}, decision={}, target="delay",
    )  # fmt: skip
    make_people(project)
    version = make_bare_version(project)
    report: dict[str, Any] = judged(version, mae=12.0).report
    Evaluation.objects.update(report=report | {"task": "regression"})

    assert "12\N{NO-BREAK SPACE}minutes" in text(
        sign_in("Vera").get("/p/late/models/1")
    )
    assert "Mean absolute error, minutes" in text(sign_in("Vera").get("/p/late/models"))
