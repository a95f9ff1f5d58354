"""Forms that are refused: what was typed stays, what is wrong stands under its field, is
read out with it and has the focus; and the loser of a race is shown what the other did."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse

from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example, Flag
from registry.clock import now
from registry.models import Project, Run, User
from tests.factories import make_project, make_user, sign_in
from tests.full_project import make_full_project
from tests.refused import Shown, shown

pytestmark = pytest.mark.django_db
Form = dict[str, Any]


@dataclass(frozen=True)
class Typed:
    """What somebody types on a page, and what the page says to it."""

    place: str
    form: Form
    wrong: str  # the field; "": the form as a whole
    says: str
    who: str = "Owen"
    status: int = 400
    kept: Form | None = None  # where it is not all of the form
    ready: Callable[[Project], Form] = field(default=lambda project: {})


def rule(project: Project) -> Form:
    return {"rule": project.alert_rules.get(kind="performance").pk}


def own_answer(project: Project) -> Form:
    return {"annotation": Annotation.objects.get(user__username="Erin").pk}


def flagged(project: Project) -> Form:
    erin, example = User.objects.get(username="Erin"), Example.objects.latest("pk")
    made = Flag.objects.create(
        example=example, user=erin, comment="A joke?", created_at=now()
    )
    return {"flag": made.pk}


def going_on(project: Project) -> Form:
    Run.objects.filter(number=2).update(state="running")
    return {}


def staff(project: Project) -> Form:
    User.objects.filter(username="Ada").update(is_staff=True)
    return {}


KEY = {"do": "key", "name": "till", "scopes": "read", "for": "Rosa", "days": "90"}
RULE = {"do": "rule", "limit": "4", "window_hours": "24", "pending_evaluations": "2"}
SCHEDULE = {"do": "schedule", "cron": "0 4 * * *", "zone": "UTC", "budget": "90"}
AUTOPILOT = {"do": "autopilot", "mode": "propose", "retrain_after": "25"}
START = {"do": "start", "budget": "30", "algorithm": "linear"}
FORMS = {
    "a rule's limit": Typed(
        "/alerts", RULE | {"limit": "often"}, "limit", "Write a number", ready=rule
    ),
    "a rule's window": Typed(
        "/alerts", RULE | {"window_hours": "0"}, "window_hours", "1 to 2", ready=rule
    ),
    "a schedule's cron": Typed(
        "/runs", SCHEDULE | {"cron": "now and then"}, "cron", "Write five fields"
    ),
    "a schedule's zone": Typed(
        "/runs", SCHEDULE | {"zone": "Atlantis"}, "zone", "Atlantis: no time zone"
    ),
    "a schedule's budget": Typed(
        "/runs", SCHEDULE | {"budget": "long"}, "budget", "Write 1 to"
    ),
    "an autopilot's labels": Typed(
        "/runs", AUTOPILOT | {"retrain_after": "-1"}, "retrain_after", "Write 0 to"
    ),
    "a run's budget": Typed("/runs", START | {"budget": "0"}, "budget", "Write 1 to"),
    "a run beside another": Typed(
        "/runs", START, "", "Run 2 of churn is not over", status=409, ready=going_on
    ),
    "a note on the overview": Typed(
        "", {"do": "note", "text": "z" * 501}, "text", "at most 500"
    ),
    "a target": Typed("", {"do": "target", "value": "ten"}, "value", "Write a number"),
    "a note's moment": Typed(
        "/monitor?period=7d", {"text": "Rain.", "at": "at noon"}, "at", "Write a day"
    ),
    "a note without words": Typed(
        "/monitor", {"text": " ", "at": "2026-01-31T12:00"}, "text", "needs words"
    ),
    "an approval by the maker": Typed(
        "/models/3/approve", {"reason": "It is fine."}, "", "A second person", status=403
    ),
    "an approval that comes late": Typed(
        "/models/2/approve", {"reason": "Mine too."}, "", "nothing waits", status=409
    ),
    "a member": Typed(
        "/settings/members",
        {"do": "add", "user": "Nobody", "role": "reviewer"},
        "user",
        "nobody called Nobody",
        who="Ada",
        status=404,
    ),
    "a new name": Typed(
        "/settings/members",
        {"do": "invite", "name": "Erin", "role": "owner"},
        "name",
        "Erin",
        who="Ada",
        status=409,
        ready=staff,
    ),
    "the last admin": Typed(
        "/settings/members",
        {"do": "role", "user": "Ada", "role": "labeller"},
        "",
        "admin",
        who="Ada",
        status=409,
    ),
    "a key's name": Typed(
        "/settings/keys", KEY | {"name": " "}, "name", "1 to 80", who="Ada"
    ),
    "a key's end": Typed(
        "/settings/keys", KEY | {"days": "7"}, "days", "Choose when", who="Ada",
        kept=KEY | {"days": None},
    ),
    "a reply": Typed(
        "/examples/{example}",
        {"reply": "x" * 501},
        "reply",
        "Write 1 to 500",
        who="Rosa",
        ready=flagged,
    ),
    "the guideline": Typed(
        "/examples/guideline", {"text": "y" * 20_001}, "text", "Write 1 to", who="Rosa"
    ),
    "an own answer": Typed(
        "/examples/mine", {"value": "Maybe"}, "value", "no class of", who="Erin",
        kept={}, ready=own_answer,
    ),
}  # fmt: skip


def post(name: str, place: str, form: Form) -> HttpResponse:
    example = Example.objects.latest("pk").pk
    return sign_in(name).post(f"/p/churn{place.format(example=example)}", form)


def page(answer: HttpResponse) -> Shown:
    return shown(answer.content.decode())


def test_what_is_refused_is_kept_and_told_under_its_field() -> None:
    project = make_full_project()
    wrong = list[str]()

    for name, one in FORMS.items():
        form = one.form | one.ready(project)
        answer = post(one.who, one.place, form)
        found = page(answer)
        wrong += [f"{name}: {told}" for told in _against(one, answer, found)]
        Run.objects.filter(number=2).update(state="failed")

    assert not wrong, "\n".join(wrong)


def _against(one: Typed, answer: HttpResponse, found: Shown) -> list[str]:
    """What is not as it should be, of one form."""
    wrong = list[str]()
    if answer.status_code != one.status:
        wrong.append(f"status {answer.status_code}")
    if one.wrong and one.says not in found.says(one.wrong):
        wrong.append(f"says {found.says(one.wrong)!r}")
    if one.wrong and found.focused[:1] != [one.wrong]:
        wrong.append(f"focus on {found.focused}")
    if not one.wrong and one.says not in answer.content.decode():
        wrong.append("does not say why")
    if not one.wrong and not found.focused:
        wrong.append("nothing has the focus")
    kept = one.form if one.kept is None else one.kept
    wrong += [
        f"{name} lost"
        for name, value in kept.items()
        if name != "do" and value is not None and not found.holds(name, value)
    ]
    return wrong


def test_a_number_that_is_none_stays_on_its_card_without_a_script() -> None:
    prices = make_project(
        task="regression", classes=[], positive_class="", target="price",
        costs={}, decision={}, silence="unknown", primary_metric="mae",
    )  # fmt: skip
    erin = make_user("Erin", project=prices, role="labeller")
    item = {"payload": {"tenure": 3, "monthly_charges": 20.0}, "key": "a"}
    import_examples(project=prices, items=enumerate([item]), now=now())
    card = sign_in("Erin").get("/p/churn/label").context["card"]
    form = {"example": card.example.pk, "lease": card.lease.token, "value": "many"}

    answer = post("Erin", "/label", form)

    assert answer.status_code == 400
    assert page(answer).holds("value", "many")
    assert "is no number" in page(answer).says("value")
    assert page(answer).focused == ["value"]
    assert post("Erin", "/label", form | {"value": "12,5"}).status_code == 302
    assert Annotation.objects.get(user=erin).value == 12.5
