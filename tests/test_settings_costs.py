"""Costs and the decision by them: typed as people write them, tried on an example
before they are saved, refused where they cannot be."""

import pytest

from registry.models import Project
from tests.factories import make_project, sign_in
from tests.full_project import make_people, make_project_with_people
from tests.pages import text
from tests.refused import shown
from tests.settings_forms import COSTS, save

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


def test_the_loser_of_two_edits_of_costs_sees_the_others(churn: Project) -> None:
    old = churn.revision
    save(sign_in("Ada"), "/costs", churn, **COSTS)
    form = COSTS | {"cell-1-0": "75", "cell-1-1": "75"}

    late = save(sign_in("Owen"), "/costs", churn, revision=old, **form)

    words = " ".join(text(late).split())
    assert late.status_code == 412
    assert "Ada (costs)" in words
    assert words.count("<strong>By now:</strong> 60</p>") == 2
    assert shown(text(late)).holds("cell-1-0", "75")


def test_costs_are_typed_as_people_write_them(churn: Project) -> None:
    page = save(sign_in("Owen"), "/costs", churn, **COSTS)

    churn.refresh_from_db()
    assert "Saved." in text(page)
    assert churn.costs["matrix"]["wait"]["Yes"] == {
        "field": "monthly_charges",
        "times": 6,
    }
    assert churn.costs["currency"] == "EUR"
    assert churn.decision == {"kind": "cost"}
    assert "6 × monthly_charges" in text(page)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("cell-0-1", "a lot", "write a number"),
        ("cell-0-1", "6 x contract", "no numeric column"),
        ("action-1", "", "Name what is done."),
        ("action-1", "wait", "there twice"),
        ("currency", "Swiss francs", "up to 8"),
    ],
)
def test_costs_that_cannot_be_say_where(
    churn: Project, field: str, value: str, says: str
) -> None:
    before = churn.costs

    page = save(sign_in("Owen"), "/costs", churn, **(COSTS | {field: value}))

    assert page.status_code == 400
    assert says in shown(text(page)).says(field)
    assert shown(text(page)).holds(field, value)
    assert shown(text(page)).focused == [field]
    churn.refresh_from_db()
    assert churn.costs == before


def test_an_example_follows_what_is_typed(churn: Project) -> None:
    form = COSTS | {"cell-0-1": "200", "do": "example"}

    told = text(save(sign_in("Owen"), "/costs", churn, **form))

    assert "Where Yes is at least 30 % likely: offer. Below: wait." in told
    assert "<html" not in told
    churn.refresh_from_db()
    assert churn.costs["currency"] == "USD"  # nothing was saved


def test_without_costs_models_are_judged_otherwise(churn: Project) -> None:
    form = {"costs": "none", "kind": "threshold", "threshold": "40"}

    save(sign_in("Owen"), "/costs", churn, **form, below="wait", above="call")

    churn.refresh_from_db()
    assert (churn.costs, churn.primary_metric) == ({}, "roc_auc")
    assert churn.decision == {
        "kind": "threshold",
        "threshold": 0.4,
        "actions": ["wait", "call"],
    }


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "threshold", "threshold": "140"},
        {"kind": "threshold", "threshold": ""},
        {"kind": "cost", "costs": "none"},  # nothing to decide by
        {"kind": "cost", "abstain_low": "60", "abstain_high": "40"},
        {"kind": "cost", "abstain_low": "60"},
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    churn: Project, form: dict[str, str]
) -> None:
    page = save(sign_in("Owen"), "/costs", churn, **(COSTS | form))

    assert page.status_code == 400
    churn.refresh_from_db()
    assert churn.decision == {"kind": "cost"}


def test_costs_of_a_number_are_saved(churn: Project) -> None:
    churn.delete()
    minutes = make_project(
        task="regression",
        classes=[],
        positive_class="",
        costs={},
        decision={},
        silence="unknown",
        primary_metric="mae",
    )
    make_people(minutes)

    page = save(
        sign_in("Owen"),
        "/costs",
        minutes,
        costs="error",
        error_value="2",
        currency="EUR",
    )

    assert page.status_code == 200
    minutes.refresh_from_db()
    assert minutes.costs == {"error_value": 2, "currency": "EUR"}


def test_costs_that_do_not_fit_the_form_stay_as_they_are(churn: Project) -> None:
    matrix = {f"act {n}": {"No": n, "Yes": 10 - n} for n in range(10)}
    Project.objects.filter(pk=churn.pk).update(costs={"matrix": matrix})
    owen = sign_in("Owen")

    shown = text(owen.get("/p/churn/settings/costs"))
    page = save(owen, "/costs", churn, kind="cost", abstain_low="40", abstain_high="60")

    assert "These costs stay as they are" in shown
    assert page.status_code == 200
    churn.refresh_from_db()
    assert churn.costs == {"matrix": matrix}
    assert churn.decision["abstain"] == [0.4, 0.6]


def test_what_is_wrong_with_the_whole_decision_stands_under_none_of_its_fields(
    churn: Project,
) -> None:
    page = save(sign_in("Owen"), "/costs", churn, costs="none", kind="cost")
    assert page.status_code == 400
    assert "A cost-minimal decision needs a cost matrix." in text(page)
    assert not any(one.invalid for one in shown(text(page)).controls)
