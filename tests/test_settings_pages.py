"""Settings in the browser: each form says what it does, refuses what cannot be, and
tells the loser of two edits."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from registry import definition_sync
from registry.clock import now
from registry.models import ApiKey, AuditEntry, Membership, Project, User
from tests.factories import make_project, make_user
from tests.full_project import PEOPLE, make_people
from tests.refused import shown

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
MEMBERS, KEYS = "/p/churn/settings/members", "/p/churn/settings/keys"
COSTS = {
    "costs": "matrix",
    "currency": "EUR",
    "action-0": "wait",
    "cell-0-0": "0",
    "cell-0-1": "6 x monthly_charges",
    "action-1": "offer",
    "cell-1-0": "60",
    "cell-1-1": "60",
    "kind": "cost",
}


@pytest.fixture
def churn() -> Project:
    project = make_project()
    make_people(project)
    return project


@pytest.fixture
def ada(churn: Project) -> Client:
    return sign_in("Ada")


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def text(response: Any) -> str:
    return response.content.decode()


def save(client: Client, place: str, project: Project, **form: Any) -> HttpResponse:
    """A form as the page shown just now holds it."""
    project.refresh_from_db()
    fields = {"revision": project.revision} | form
    return client.post(f"/p/{project.slug}/settings{place}", fields, follow=True)


# Members


def test_members_come_change_and_go(ada: Client) -> None:
    make_user("Omar")

    ada.post(MEMBERS, {"do": "role", "user": "Omar", "role": "labeller"})
    assert Membership.objects.get(user__username="Omar").role == "labeller"
    ada.post(MEMBERS, {"do": "role", "user": "Omar", "role": "reviewer"})
    assert Membership.objects.get(user__username="Omar").role == "reviewer"
    page = ada.post(MEMBERS, {"do": "remove", "user": "Omar"}, follow=True)
    assert not Membership.objects.filter(user__username="Omar").exists()

    assert "Undo" in text(page)
    ada.post(MEMBERS, {"do": "role", "user": "Omar", "role": "reviewer"})
    assert Membership.objects.get(user__username="Omar").role == "reviewer"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"do": "role", "user": "Nobody", "role": "viewer"}, 404),
        ({"do": "role", "user": "Omar", "role": "king"}, 400),
        ({"do": "remove", "user": "Ada"}, 409),  # the last admin
        ({"do": "invite", "name": "Nina", "role": "viewer"}, 403),  # Ada is no staff
        ({"do": "link", "user": "Erin"}, 403),
    ],
)
def test_who_cannot_be_a_member_is_told(
    ada: Client, form: dict[str, str], status: int
) -> None:
    make_user("Omar")
    before = Membership.objects.count(), User.objects.count()

    answer = ada.post(MEMBERS, form)

    assert answer.status_code == status
    assert 'role="alert"' in text(answer)
    assert (Membership.objects.count(), User.objects.count()) == before


def test_staff_invite_by_a_link_that_is_shown_once(ada: Client) -> None:
    User.objects.filter(username="Ada").update(is_staff=True)

    made = ada.post(MEMBERS, {"do": "invite", "name": "Nina", "role": "labeller"})
    link = made.context["link"]

    assert link in text(made)
    assert link not in text(ada.get(MEMBERS))
    path = "/" + link.split("/", 3)[-1]
    word = "correct horse battery staple"
    entered = Client().post(path, {"password": word, "again": word})
    assert entered.status_code == 302
    assert Membership.objects.get(user__username="Nina").role == "labeller"


def test_owners_read_who_is_in_and_change_nothing(churn: Project) -> None:
    owen = sign_in("Owen")

    page = text(owen.get(MEMBERS))
    assert "Erin" in page
    assert 'value="remove"' not in page
    form = {"do": "remove", "user": "Erin"}
    assert owen.post(MEMBERS, form).status_code == 403
    assert owen.get(KEYS).status_code == 403
    assert KEYS not in page


# Keys


def opens(key: str) -> int:
    headers = {"X-Api-Key": key}
    return Client().get("/api/v1/projects/churn/models", headers=headers).status_code


def test_a_new_key_is_shown_once_and_dies_when_revoked(ada: Client) -> None:
    made = ada.post(KEYS, {"do": "key", "name": "till", "scopes": ["read"]})
    plain = made.context["new_key"]
    assert plain in text(made)
    assert plain not in text(ada.get(KEYS))
    assert opens(plain) == 200

    key = ApiKey.objects.get(name="till")
    page = ada.post(KEYS, {"do": "revoke", "key": key.pk}, follow=True)
    assert "revoked" in text(page)
    assert opens(plain) == 401


def test_a_key_may_act_for_a_member_and_end(ada: Client) -> None:
    form = {"do": "key", "name": "tablet", "scopes": ["label"], "for": "Rosa"}
    ada.post(KEYS, form | {"days": "30"})

    key = ApiKey.objects.get(name="tablet")
    assert key.user.username == "Rosa"
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - now() <= timedelta(days=30)


def test_a_rotated_key_works_on_for_a_day(ada: Client) -> None:
    old = ada.post(KEYS, {"do": "key", "name": "till", "scopes": ["read"]})
    key = ApiKey.objects.get(name="till")

    made = ada.post(KEYS, {"do": "rotate", "key": key.pk})

    assert "works on for a day" in text(made)
    key.refresh_from_db()
    assert key.expires_at is not None
    assert key.expires_at - now() <= timedelta(days=1)
    fresh = ApiKey.objects.exclude(pk=key.pk).get(name="till")
    assert (fresh.scopes, fresh.user) == (key.scopes, key.user)
    assert opens(old.context["new_key"]) == opens(made.context["new_key"]) == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"do": "key", "name": "shop", "scopes": "everything"}, 400),
        ({"do": "key", "name": "shop", "scopes": "read", "days": "999999"}, 400),
        ({"do": "key", "name": "", "scopes": "read"}, 400),
        ({"do": "key", "name": "shop", "scopes": "read", "for": "Sam"}, 404),
        ({"do": "revoke", "key": "999999"}, 404),
        ({"do": "rotate", "key": "²"}, 404),
    ],
)
def test_keys_that_cannot_be_say_why(
    ada: Client, form: dict[str, str], status: int
) -> None:
    make_user("Sam")

    answer = ada.post(KEYS, form)

    assert answer.status_code == status
    assert 'role="alert"' in text(answer)
    assert not ApiKey.objects.exists()


# The problem, costs, decision, gate


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


def test_what_is_wrong_with_the_whole_decision_stands_under_none_of_its_fields(
    churn: Project,
) -> None:
    page = save(sign_in("Owen"), "/costs", churn, costs="none", kind="cost")
    assert page.status_code == 400
    assert "A cost-minimal decision needs a cost matrix." in text(page)
    assert not any(one.invalid for one in shown(text(page)).controls)


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


# The trail


def test_the_trail_is_filtered_and_goes_on_page_by_page(churn: Project) -> None:
    for number in range(60):
        AuditEntry.objects.create(
            project=churn,
            actor_name="Owen" if number % 2 else "Ada",
            action="key.create" if number % 3 else "member.add",
            target=f"thing {number}",
            allowed=number != 7,
        )
    owen, address = sign_in("Owen"), "/p/churn/settings/audit"

    first = owen.get(address)
    second = owen.get(f"{address}{first.context['next']}")
    assert (len(first.context["entries"]), len(second.context["entries"])) == (50, 10)
    only = owen.get(f"{address}?who=Owen&what=member").context["entries"]
    assert {(e.actor_name, e.action) for e in only} == {("Owen", "member.add")}
    refused = owen.get(f"{address}?refused=1").context["entries"]
    assert [entry.target for entry in refused] == ["thing 7"]


@pytest.mark.parametrize(
    "query",
    ["from=nonsense", "to=2026-02-31", "before=²", "what=x", "who=%F0%9F%90%88"],
)
def test_odd_filters_of_the_trail_break_nothing(churn: Project, query: str) -> None:
    page = sign_in("Owen").get(f"/p/churn/settings/audit?{query}")
    assert page.status_code == 200


def test_a_day_that_cannot_be_read_is_told_in_its_field(churn: Project) -> None:
    AuditEntry.objects.create(project=churn, actor_name="Owen", action="key.create")
    owen, address = sign_in("Owen"), "/p/churn/settings/audit"
    page = shown(text(owen.get(f"{address}?from=2199-1-5&to=2026-02-31")))
    for name in ("from", "to"):
        assert page.says(name) == "Not used: write a day, as 2026-01-31."
    page = owen.get(f"{address}?from=2199-01-05")
    assert "Nothing like that has happened." in text(page)
    assert shown(text(page)).says("from") == ""


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
