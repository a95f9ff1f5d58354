"""How long answers are kept: people are told, and what is too short for their truth is
refused."""

from typing import Any

import pytest

from registry import clock
from registry.models import Project
from tests.calls import Rest
from tests.factories import make_key, make_user, sign_in
from tests.kept import DAY, NOW, OLD, YOUNG, answered, keep, make_churn

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_churn()


def test_people_are_told_how_long_and_since_when(churn: Project) -> None:
    make_user("Owen", project=churn, role="owner")
    gone, _ = answered(churn, OLD), answered(churn, YOUNG)
    keep()
    with clock.moved_to(NOW):
        owen = sign_in("Owen")
        page = owen.get("/p/churn/predictions").content.decode()
        missing = owen.get(f"/p/churn/predictions/{gone.pk}")
        over_rest = Rest(churn, make_key(churn, "manage")).get(
            f"/api/v1/projects/churn/predictions/{gone.pk}"
        )
    assert "The oldest is of" in page
    assert "Answers are kept for 30 days, then deleted with their inputs." in page
    assert missing.status_code == over_rest.status_code == 404
    assert "Answers are kept for 30 days here" in over_rest.json()["detail"]


@pytest.mark.parametrize("change", [{"retention_days": 7}, {"horizon_days": 29.5}])
def test_answers_that_go_before_silence_means_no_are_refused(
    churn: Project, change: dict[str, Any]
) -> None:
    """Without them no hour would ever be counted, and nothing would say so."""
    Project.objects.update(silence="negative", horizon=7 * DAY, retention=30 * DAY)
    rest = Rest(churn, make_key(churn, "manage"))
    answer = rest.patch("/api/v1/projects/churn", change)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "retention_days"
    assert "days at least, or shorten the horizon" in error["message"]
    Project.objects.update(silence="unknown")  # truth that comes is counted as it comes
    assert rest.patch("/api/v1/projects/churn", change).status_code == 200


def test_the_form_says_at_its_field_how_long_answers_must_stay(churn: Project) -> None:
    make_user("Owen", project=churn, role="owner")
    given: dict[str, Any] = {"name": "Churn", "primary_metric": "roc_auc"}
    given |= {"zone": "UTC", "revision": churn.revision}
    given |= {"silence": "negative", "horizon_days": "30", "retention_days": "7"}
    page = sign_in("Owen").post("/p/churn/settings", given)
    (message,) = page.context["form"].errors["retention_days"]
    assert message.startswith("Keep answers for 31 days at least")
    churn.refresh_from_db()
    assert churn.retention == 30 * DAY


@pytest.mark.parametrize("days", [0, 0.5, -1])
def test_less_than_a_day_is_refused(churn: Project, days: float) -> None:
    rest = Rest(churn, make_key(churn, "manage"))
    answer = rest.patch("/api/v1/projects/churn", {"retention_days": days})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "retention_days"
    churn.refresh_from_db()
    assert churn.retention == 30 * DAY
