"""`manage.py check_project`: what is wrong, where, and what to do about it."""

import io

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from registry import definition_sync
from registry.featurizer import parity
from registry.models import Project
from tests import every_part
from tests.factories import make_dataset, make_project
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

pytestmark = pytest.mark.django_db


def told(slug: str) -> str:
    out = io.StringIO()
    call_command("check_project", slug, stdout=out)
    return out.getvalue()


@pytest.fixture
def parcels(settings: Settings) -> str:
    settings.MLSYSTEM_DEFINITIONS = ["tests.every_part"]
    return every_part.parcels.slug


def test_a_module_is_checked_before_its_project_is_there(parcels: str) -> None:
    said = told(parcels)

    assert "Source parcels: 240 rows" in said
    assert "rows to learn late from." in said
    assert "Not in the database yet" in said
    assert not Project.objects.exists()


def test_a_sound_project_agrees_with_itself(parcels: str) -> None:
    definition_sync.install(slug=parcels)

    assert "rows are the same in training and serving." in told(parcels)


def test_a_project_without_code_is_checked_too() -> None:
    project = make_project("own")
    make_dataset(project)

    assert "rows are the same in training and serving." in told("own")


def test_features_that_differ_are_named(
    monkeypatch: pytest.MonkeyPatch, parcels: str
) -> None:
    definition_sync.install(slug=parcels)
    real = parity.compute

    def wrong(**given: object) -> list[dict[str, object]]:
        return [{**row, "speed": -1.0} for row in real(**given)]  # type: ignore[arg-type]

    monkeypatch.setattr(parity, "compute", wrong)
    with pytest.raises(CommandError, match="1 to put right"):
        told(parcels)


def test_what_cannot_be_checked_is_said(settings: Settings) -> None:
    with pytest.raises(CommandError, match="There is no project nonsense"):
        told("nonsense")

    make_project("bare")
    with pytest.raises(CommandError, match="1 to put right"):
        told("bare")

    settings.MLSYSTEM_DEFINITIONS = ["tests.no_such_module"]
    with pytest.raises(CommandError, match="There is no project parcels"):
        told("parcels")


ORDERS = """
p = Project("orders", task="regression", target="minutes", entity="order")
p.source("orders", file="orders.csv")
p.source("cooks", file="cooks.csv")
"""
WRONG = {
    'p.gate(slices=["kitchn"])': "line 6: This project cannot be. gate.slices: kitchn",
    'p.card("ordr")': "line 6: This project cannot be. card: ordr: the data has no",
    "p.features(r=Ratio('itms', 'items'))": "line 6: feature r: itms: a row has no such",
    "p.features(h=Hour('kitchen'))": "line 6: feature h: kitchen is categorical, not dat",
    "p.baseline('b', GroupMean(['itms']))": "line 6: baseline b: No column 'itms'; there",
    "p.baseline('b', Rule('items', '<', 3))": "line 6: baseline b: A rule says classes",
    "p.lookup('cooks', key='order', columns='inputs')": "line 6: lookup cooks: key order",
    "p.exclude('itms')": "line 6: The table has no column itms. Its columns: order, kitch",
    "p.field('itms', unit='pcs')": "line 6: field itms: no such column; there are order",
    "p.costs(wait={'yes': 1})": "line 6: This project cannot be. costs: A regression has",
    """
@p.lookup("cooks", key="kitchen")
class Cook: cook = Column("kook")
""": "line 7: lookup cooks: cook: kook: no such column; there are kitchen, cook",
    """
@p.lookup("cooks", key="kitchen")
class Cook: cook = Column(kind="numeric")
""": "line 7: lookup cooks: cook: 2 values are not numeric (row 1, 2; the first is 'Ann')",
    """
@p.window
class Recent:
    key = ["itms"]
    events = Events("orders")
    window = Hours(6)
    n = Count()
""": "line 7: window recent: key itms: a row has no such column; it has at, order, kitchen",
    """
@p.window
class Recent:
    key = ["kitchen"]
    events = Events("orders")
    window = Hours(6)
    n = Count()
""": "line 7: window recent: past rows have no moment: give the project time=, the column",
}


@pytest.fixture
def orders(modules: Modules) -> Modules:
    rows = [
        f"o{n},{('North', 'South')[n % 2]},{n % 7},{10 + n % 11}" for n in range(60)
    ]
    modules.data("orders.csv", ["order,kitchen,items,minutes", *rows])
    modules.data("cooks.csv", ["kitchen,cook", "North,Ann", "South,Bo"])
    return modules


@pytest.mark.parametrize(("line", "wrong"), WRONG.items())
def test_a_mistake_is_told_with_its_line_before_and_after_there_is_a_project(
    orders: Modules, line: str, wrong: str
) -> None:
    name = orders.write(ORDERS + line)
    said = mistakes("orders")
    assert f"✗ {name}, {wrong}" in said

    orders.change(name, ORDERS)
    assert definition_sync.sync() == []
    assert "✗" not in told("orders")
    orders.change(name, ORDERS + line)
    assert f"✗ {name}, {wrong}" in mistakes("orders")
    assert f"orders: {name}, {wrong}" in definition_sync.sync()[0]


def mistakes(slug: str) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("check_project", slug, stdout=out)
    return out.getvalue()


def test_a_mistake_in_the_first_line_is_told_as_the_tutorial_says(
    orders: Modules,
) -> None:
    name = orders.write(ORDERS.replace("regression", "regresion"))
    assert f"✗ {name}, line 3: task 'regresion': write one of" in mistakes("orders")


def test_a_change_that_the_data_forbids_is_a_mistake(orders: Modules) -> None:
    name = orders.write(ORDERS)
    definition_sync.sync()
    orders.change(name, ORDERS.replace('entity="order"', 'entity="kitchen"'))

    said = mistakes("orders")

    assert f"✗ {name}, line 3: entity: fixed by the first data" in said
    assert "takes it over" not in said
