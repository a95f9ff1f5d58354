"""What a labeller sees of an item: the columns of the card in their order, never the
target; what looks alike is one card."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from labelling.labeller.intake import import_examples
from labelling.labeller.queue import hand_out
from labelling.models import Example
from registry import cards
from registry.definitions import DefinitionError
from registry.definitions import Project as Definition
from registry.models import Project
from tests.factories import make_project, make_user

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIELDS = [{"name": "phase", "kind": "categorical"}, {"name": "remarks", "kind": "text"}]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


@pytest.fixture
def strikes(db: None) -> Project:
    return make_project(
        "strikes",
        task="multiclass",
        target="effect",
        classes=["none", "landing", "aborted"],
        positive_class="",
        costs={},
        decision={},
        primary_metric="log_loss",
        fields=FIELDS,
        card=["remarks", "phase", "airport"],
    )


def put(project: Project, *payloads: dict[str, Any]) -> Any:
    items = [{"payload": p, "key": f"report {n}"} for n, p in enumerate(payloads)]
    return import_examples(project=project, items=enumerate(items), now=NOW)


def test_a_labeller_sees_the_card_in_its_order_and_nothing_else(
    strikes: Project, client: Client
) -> None:
    put(
        strikes,
        {"phase": "Climb", "effect": "landing", "remarks": "TWO GULLS", "pilot": "X"},
    )
    erin = make_user("Erin", project=strikes, role="labeller")
    client.force_login(erin)
    page = client.get("/p/strikes/label").content.decode()
    assert page.index("TWO GULLS") < page.index("Climb")
    assert "pilot" not in page
    handed = hand_out(project=strikes, user=erin, reviews=False, count=1, now=NOW)
    assert list(handed.cards[0].payload.items()) == [
        ("remarks", "TWO GULLS"),
        ("phase", "Climb"),
    ]


def test_without_a_card_every_input_is_shown_and_what_came_along() -> None:
    payload = {"photo": PNG, "effect": "none", "remarks": "é", "phase": None}
    seen = cards.shown(payload, fields=FIELDS, card=[], target="effect")
    assert [(one.name, one.kind) for one in seen] == [
        ("phase", "categorical"),
        ("remarks", "text"),
        ("photo", "image"),
    ]


def test_items_that_look_alike_are_one_card(strikes: Project) -> None:
    same = {"remarks": "NO DAMAGE", "phase": "Climb"}
    put(
        strikes,
        {**same, "pilot": "X", "effect": "none"},
        {**same, "pilot": "Y", "effect": "landing"},
        {**same, "phase": "Approach"},
    )
    assert Example.objects.filter(duplicate_of=None).count() == 2


def test_an_item_of_which_nothing_would_be_seen_is_refused(strikes: Project) -> None:
    taken = put(strikes, {"pilot": "X"})
    assert taken.created == 0
    assert "labellers see remarks, phase, airport" in taken.errors[0]["message"]


def test_a_card_never_tells_the_answer(strikes: Project, client: Client) -> None:
    client.force_login(make_user("Owen", project=strikes, role="owner"))
    url = "/api/v1/projects/strikes"
    for card, told in (
        (["remarks", "effect"], "effect is the target"),
        (["remarks", "remarks"], "twice"),
    ):
        answer = client.patch(url, {"card": card}, content_type="application/json")
        assert answer.status_code == 400
        assert told in answer.json()["errors"][0]["message"]
    answer = client.patch(url, {"card": ["phase"]}, content_type="application/json")
    assert answer.json()["card"] == ["phase"]


def test_a_definition_that_shows_the_target_names_its_line() -> None:
    declared = Definition("strikes", task="multiclass", target="effect")
    declared.card("remarks", "phase")
    assert declared.settings["card"] == ["remarks", "phase"]
    with pytest.raises(DefinitionError, match=r"test_cards, line \d+: card: effect"):
        declared.card("remarks", "effect")
