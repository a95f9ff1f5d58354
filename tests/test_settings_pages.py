"""Settings in the browser: each form says what it does, refuses what cannot be, and
tells the loser of two edits."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from registry import definition_sync
from registry.models import AuditEntry, Project
from tests.factories import make_user, sign_in
from tests.full_project import PEOPLE, make_project_with_people
from tests.pages import text
from tests.refused import shown
from tests.settings_forms import COSTS, save

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


@pytest.fixture
def ada(churn: Project) -> Client:
    return sign_in("Ada")


def problem_form(**changes: Any) -> dict[str, Any]:
    given = {
        "name": "Churn",
        "primary_metric": "roc_auc",
        "horizon_days": "45",
        "silence": "negative",
        "zone": "Europe/Zurich",
        "retention_days": "365",
    }
    return given | changes


def test_the_problem_is_told_in_plain_words(churn: Project) -> None:
    page = save(sign_in("Owen"), "", churn, **problem_form())

    churn.refresh_from_db()
    assert "Saved." in text(page)
    assert churn.horizon == timedelta(days=45)
    assert churn.retention == timedelta(days=365)
    assert (churn.zone, churn.primary_metric) == ("Europe/Zurich", "roc_auc")


def test_whose_word_counts_and_the_control_share_stay_as_they_were_set(
    churn: Project,
) -> None:
    form = problem_form(truth_precedence="outcome, expert", control_share="2.5")
    save(sign_in("Owen"), "", churn, **form)
    page = shown(text(sign_in("Owen").get("/p/churn/settings")))
    assert page.holds("truth_precedence", "outcome, expert")
    assert page.holds("control_share", "2.5")

    churn.refresh_from_db()
    assert churn.truth_precedence == ["outcome", "expert"]
    assert float(churn.control_share) == 2.5
    save(sign_in("Owen"), "", churn, **form)
    assert AuditEntry.objects.first().detail["changed"] == []  # as it was


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("truth_precedence", "import", "Truth that comes in from now on is chosen"),
        ("control_share", "5", "the baseline answers 5 % of users"),
        ("strict_inputs", "on", "Inputs with unknown fields are refused from now on."),
        ("zone", "Asia/Tokyo", "without an offset are read in Asia/Tokyo from now on"),
        (
            "retention_days",
            "60",
            "Predictions older than that are deleted from now on.",
        ),
        ("horizon_days", "7", "Charts and verdicts follow at once."),
        ("name", "Leavers", "Saved."),
    ],
)
def test_what_acts_at_once_is_said(
    churn: Project, field: str, value: str, said: str
) -> None:
    Project.objects.update(retention=timedelta(days=365), horizon=timedelta(days=45))
    Project.objects.update(primary_metric="roc_auc", zone="Europe/Zurich")
    page = save(sign_in("Owen"), "", churn, **problem_form(**{field: value}))

    (message,) = page.context["messages"]
    assert said in str(message)
    assert "stays as it is" not in str(message)


def test_what_the_serving_version_keeps_is_said(churn: Project) -> None:
    owen = sign_in("Owen")
    page = save(owen, "/gate", churn, margin="1", slices=[])
    assert "The next run is judged by it." in str(*page.context["messages"])
    page = save(owen, "/costs", churn, **COSTS | {"kind": "none"})
    assert "The version that serves keeps its own" in str(*page.context["messages"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("horizon_days", ""),  # silence means no only after a horizon
        ("horizon_days", "soon"),
        ("horizon_days", "-1"),
        ("zone", "Europe/Nowhere"),
        ("primary_metric", "beauty"),
        ("name", ""),
        ("truth_precedence", "outcome, rumour"),
        ("truth_precedence", "outcome outcome"),
        ("control_share", "101"),
        ("control_share", "0.125"),
    ],
)
def test_a_problem_that_cannot_be_keeps_what_was_typed(
    churn: Project, field: str, value: str
) -> None:
    form = problem_form(**{field: value}, description="As I typed it.")

    page = save(sign_in("Owen"), "", churn, **form)

    assert page.status_code == 400
    assert "As I typed it." in text(page)
    assert shown(text(page)).says(field)
    assert shown(text(page)).focused == [field]
    assert Project.objects.get(pk=churn.pk).horizon == timedelta(days=30)


def test_the_loser_of_two_edits_is_told(churn: Project) -> None:
    owen = sign_in("Owen")
    old = churn.revision
    save(sign_in("Ada"), "", churn, **problem_form(name="First", zone="UTC"))

    late = save(owen, "", churn, revision=old, **problem_form(name="Second"))

    page, words = shown(text(late)), " ".join(text(late).split())
    assert late.status_code == 412
    assert "Somebody changed this project while you were editing: Ada (" in words
    assert "<strong>By now:</strong> First</p>" in words
    assert "<strong>By now:</strong> UTC</p>" in words
    assert words.count("By now:") == 2  # the rest is alike
    assert page.holds("name", "Second")
    assert page.focused == ["div"]
    churn.refresh_from_db()
    assert churn.name == "First"
    again = save(owen, "", churn, **problem_form(name="Second"))
    assert again.status_code == 200
    churn.refresh_from_db()
    assert churn.name == "Second"


def test_what_nobody_touched_is_not_rounded(churn: Project) -> None:
    horizon, limit = timedelta(days=10, microseconds=1), 1234.56789
    decision = {"kind": "threshold", "threshold": 0.123456789}
    decision |= {"abstain": [0.1111111111, 0.2222222222]}
    Project.objects.filter(pk=churn.pk).update(
        horizon=horizon, decision=decision, gate={"max_latency_us": limit}
    )
    owen = sign_in("Owen")

    def shown(place: str) -> dict[str, Any]:
        form = owen.get(f"/p/churn/settings{place}").context["form"]
        values = {name: form[name].value() for name in form.fields}
        return {name: value for name, value in values.items() if value}

    saved = [
        save(owen, "", churn, **(shown("") | {"description": "New."})),
        save(owen, "/costs", churn, **(COSTS | shown("/costs"))),
        save(owen, "/gate", churn, **shown("/gate")),
    ]

    assert [page.status_code for page in saved] == [200, 200, 200]
    churn.refresh_from_db()
    assert (churn.description, churn.horizon) == ("New.", horizon)
    assert {name: churn.decision[name] for name in decision} == decision
    assert churn.gate["max_latency_us"] == limit


def test_the_gate_keeps_what_its_form_does_not_show(churn: Project) -> None:
    Project.objects.filter(pk=churn.pk).update(gate={"unknown_rule": 1})

    save(
        sign_in("Owen"),
        "/gate",
        churn,
        margin="0.5",
        slices=["contract"],
        max_latency_ms="2",
        approval="on",
    )

    churn.refresh_from_db()
    assert churn.gate == {
        "unknown_rule": 1,
        "margin": 0.5,
        "slices": ["contract"],
        "max_latency_us": 2000.0,
        "approval": True,
    }


def test_what_is_wrong_with_one_part_of_the_gate_stands_under_its_field(
    churn: Project,
) -> None:
    Project.objects.update(gate={"slices": ["gone"]})
    page = save(sign_in("Owen"), "/gate", churn, slices="gone", margin="1")
    assert page.status_code == 400
    assert "gone: no input." in text(page)
    wrong = {one.name for one in shown(text(page)).controls if one.invalid}
    assert wrong == {"slices"}


def test_what_code_declares_is_shown_with_its_place(settings: Any) -> None:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    project, _ = definition_sync.install(slug="parcels", by=make_user("Ada"))
    ada = sign_in("Ada")

    page = text(ada.get("/p/parcels/settings/costs"))
    assert "declared in tests.every_part, line" in page
    before = project.costs
    save(ada, "/costs", project, costs="none", kind="none")
    project.refresh_from_db()
    assert project.costs == before
    schema = text(ada.get("/p/parcels/data/schema"))
    assert "Declared in tests.every_part, line" in schema
    assert '"At least">0<' in schema  # nought is a bound, not the lack of one


def test_only_owners_see_settings(churn: Project) -> None:
    make_user("Sam")
    for place in ("", "/costs", "/gate", "/members", "/audit"):
        for name in [*PEOPLE, "Sam"]:
            status = sign_in(name).get(f"/p/churn/settings{place}").status_code
            expected = 200 if name in {"Ada", "Owen"} else 403
            assert status == (404 if name == "Sam" else expected), (name, place)


def test_settings_lead_to_the_schema(ada: Client) -> None:
    page = text(ada.get("/p/churn/settings"))
    tabs = page.split('aria-label="Settings"')[1].split("</nav>")[0]

    assert '<a href="/p/churn/data/schema">Schema</a>' in tabs
    assert "Save the schema" in text(ada.get("/p/churn/data/schema"))
