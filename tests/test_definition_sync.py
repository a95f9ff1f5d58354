"""Modules taken over into the database: each by itself, and whatever they change."""

import pytest

from registry import (
    checking,
    datasets,
    definition_store,
    definition_sync,
    featurizer,
    sources,
)
from registry.definition_store import DefinitionBroken
from registry.models import LookupRow, Project, User
from tests.factories import make_user
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

pytestmark = pytest.mark.django_db

ORDERS = """
p = Project("orders", task="regression", target="minutes", entity="order")
p.source("orders", file="orders.csv")
p.lookup("orders", key="order", columns="inputs")
"""


@pytest.fixture(autouse=True)
def orders(modules: Modules) -> None:
    """Sixty orders of two kitchens, and who cooks there."""
    lines = ["order,day,kitchen,items,rain,minutes,paid"]
    for n in range(60):
        day, kitchen = f"2026-10-{1 + n % 28:02d}", ("North", "South")[n % 2]
        rain, paid = ("True", "False")[n % 3 > 0], ("True", "False")[n % 5 > 1]
        lines.append(f"o{n},{day},{kitchen},{n % 7},{rain},{10 + n % 11},{paid}")
    modules.data("orders.csv", lines)
    modules.data("kitchens.csv", ["kitchen,cook,seats", "North,Ann,12", "South,Bo,8"])


def fields_of(slug: str) -> dict[str, dict[str, object]]:
    return {field["name"]: field for field in Project.objects.get(slug=slug).fields}


WRONG = {
    "a span that is a number": (
        'Project("bad", task="regression", target="minutes", horizon=30)\n',
        "line 2: horizon 30: write a span of time, as hours(30)",
    ),
    "a moment that is no column": (
        ORDERS.replace("orders", "bad", 1)
        + """
@p.window
class Recent:
    key = ["kitchen"]
    events = Events.from_truth(known_at="sen", value="minutes")
    window = Hours(6)
    mean = Mean()
""",
        "line 7: known_at='sen' is no column of the first source",
    ),
    "a key that is no column": (
        ORDERS.replace("orders", "bad", 1).replace('key="order"', 'key="ordr"'),
        "line 5: lookup orders: key ordr: no such column; there are order, day",
    ),
}


@pytest.mark.parametrize(("body", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_one_module_stops_no_other(
    modules: Modules, body: str, told: str
) -> None:
    modules.write(body)
    modules.write(ORDERS)

    [problem] = definition_sync.sync()

    assert told in problem
    assert [project.slug for project in Project.objects.all()] == ["orders"]
    assert LookupRow.objects.count() == 60


def test_what_nobody_foresaw_in_one_module_stops_no_other(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.write(ORDERS.replace("orders", "bad", 1))
    modules.write(ORDERS)
    read = sources.Reading.learning

    def learning(reading: sources.Reading) -> sources.Rows:
        if reading.definition.slug == "bad":
            raise KeyError("nobody foresaw it")
        return read(reading)

    monkeypatch.setattr(sources.Reading, "learning", learning)
    [problem] = definition_sync.sync()

    assert "bad: " in problem
    assert "line 3: KeyError: 'nobody foresaw it'" in problem
    assert Project.objects.get().slug == "orders"


def test_what_was_taken_over_half_is_taken_over_again(
    modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.write(ORDERS)
    with monkeypatch.context() as broken:

        def store(**given: object) -> int:
            raise OSError("the disk is full")

        broken.setattr("registry.lookups.store", store)
        assert "the disk is full" in definition_sync.sync()[0]
    assert not LookupRow.objects.exists()

    assert definition_sync.sync() == []

    assert LookupRow.objects.count() == 60


def test_a_broken_module_hides_no_other(modules: Modules) -> None:
    broken = modules.write("x = = 1")
    modules.write(ORDERS)

    assert all(not line.wrong for line in checking.check("orders"))
    assert definition_sync.install(slug="orders")[0].slug == "orders"
    with pytest.raises(DefinitionBroken, match=f"{broken}, line 2: SyntaxError"):
        definition_store.find("nonsense")
    assert broken in definition_sync.sync()[0]


COSTS = """
p = Project("bills", task="binary", target="paid", positive="true")
p.source("orders", file="orders.csv")
p.exclude("order", "day")
p.costs(currency="EUR", remind=2, wait={"true": 0, "false": times(6, "items")})
p.decision("cost")
"""


def test_a_cost_given_once_is_that_of_every_class(modules: Modules) -> None:
    name = modules.write(COSTS)
    assert definition_sync.sync() == []

    project = Project.objects.get()
    assert project.classes == ["False", "True"]
    assert project.costs["matrix"] == {
        "remind": {"False": 2, "True": 2},
        "wait": {"True": 0, "False": {"field": "items", "times": 6}},
    }
    modules.change(name, COSTS.replace("remind=2", "remind=3"))
    assert definition_sync.sync() == []
    project.refresh_from_db()
    assert project.costs["matrix"]["remind"] == {"False": 3, "True": 3}


def test_a_positive_class_in_another_spelling_is_the_same_one(modules: Modules) -> None:
    name = modules.write(COSTS)
    assert definition_sync.sync() == []
    assert Project.objects.get().positive_class == "True"

    modules.change(name, COSTS + 'p.gate(slices=["kitchen"])')
    assert definition_sync.sync() == []

    assert Project.objects.get().gate == {"slices": ["kitchen"]}


def test_an_exclusion_that_is_taken_back_is_an_input_again(modules: Modules) -> None:
    name = modules.write(ORDERS + 'p.exclude("items")')
    assert definition_sync.sync() == []
    before = fields_of("orders")
    assert "items" not in before

    modules.change(name, ORDERS)
    assert definition_sync.sync() == []

    assert fields_of("orders") == before | {
        "items": {"name": "items", "kind": "integer"}
    }


def test_a_column_of_the_entity_becomes_an_input_later_and_is_none_again(
    modules: Modules,
) -> None:
    pair = ORDERS.replace('"order")', '["kitchen", "order"])', 1)
    pair = pair.replace('key="order"', 'key=["kitchen", "order"]')
    name = modules.write(pair)
    assert definition_sync.sync() == []
    assert "kitchen" not in fields_of("orders")

    modules.change(name, pair + 'p.field("kitchen", kind="categorical")')
    assert definition_sync.sync() == []
    assert fields_of("orders")["kitchen"]["kind"] == "categorical"

    modules.change(name, pair)
    assert definition_sync.sync() == []
    assert "kitchen" not in fields_of("orders")


def test_what_is_no_longer_said_of_a_field_is_guessed_again(modules: Modules) -> None:
    name = modules.write(ORDERS + 'p.field("items", kind="categorical", unit="pcs")')
    assert definition_sync.sync() == []
    assert fields_of("orders")["items"]["unit"] == "pcs"

    modules.change(name, ORDERS)
    assert definition_sync.sync() == []

    assert fields_of("orders")["items"] == {"name": "items", "kind": "integer"}


def test_what_people_left_out_stays_out_when_the_code_changes(modules: Modules) -> None:
    name = modules.write(ORDERS)
    assert definition_sync.sync() == []
    project = Project.objects.get()
    project.fields = [field for field in project.fields if field["name"] != "rain"]
    project.save()

    modules.change(name, ORDERS + "p.gate(margin=0.5)")
    assert definition_sync.sync() == []

    assert "rain" not in fields_of("orders")


def test_a_project_without_a_source_is_made_too_and_gets_its_data_later(
    modules: Modules,
) -> None:
    make_user("Ada")
    User.objects.update(is_superuser=True)
    bare = 'p = Project("orders", task="regression", target="minutes")\n'
    name = modules.write(bare + 'p.field("items", kind="integer")')
    assert definition_sync.sync() == []
    project = Project.objects.get()
    assert project.fields == [{"name": "items", "kind": "integer"}]
    assert project.memberships.get().role == "admin"
    assert not project.datasets.exists()

    modules.change(name, bare + 'p.source("orders", file="orders.csv")')
    assert definition_sync.sync() == []

    assert project.datasets.get().rows == 60
    assert "kitchen" in fields_of("orders")


@pytest.mark.parametrize(
    "derived",
    [
        "",
        'p.derive("day", lambda row: f"2026-11-0{row[\'items\'] + 1}")\n',
        "from datetime import date\n"
        'p.derive("day", lambda row: date(2026, 11, row["items"] + 1))\n',
    ],
)
def test_days_in_a_key_are_spelt_as_requests_spell_them(
    modules: Modules, derived: str
) -> None:
    pair = ORDERS.replace('"order")', '["day", "order"])', 1)
    pair = pair.replace('p.lookup("orders", key="order"', 'p.lookup("orders", key=KEY')
    modules.write(f'KEY = ["day", "order"]\n{pair}{derived}')

    assert definition_sync.sync() == []

    project = Project.objects.get()
    month = "11" if derived else "10"
    assert LookupRow.objects.filter(key=f'["2026-{month}-01","o0"]').count() == 1
    days = datasets.training_frame(project.datasets.get())["day"]
    assert days.str.fullmatch(rf"2026-{month}-\d\d").all()
    kept = checking.check("orders")
    assert [line.text for line in kept if line.wrong] == []


def test_a_moment_in_a_key_stays_one(modules: Modules) -> None:
    modules.data(
        "weather.csv",
        ["at_hour,rain_mm", "2026-10-01T05:00:00Z,3", "2026-10-01T06:00:00Z,0"],
    )
    modules.write(
        ORDERS
        + """
from datetime import datetime, UTC
p.source("weather", file="weather.csv")
p.derive("at_hour", lambda row: datetime(2026, 10, 1, 5 + row["items"] % 2, tzinfo=UTC))
@p.lookup("weather", key="at_hour")
class Weather:
    rain_mm = Column()
"""
    )
    assert definition_sync.sync() == []
    project = Project.objects.get()
    assert fields_of("orders")["at_hour"]["kind"] == "datetime"
    table = featurizer.compute_frame(
        project=project,
        features=featurizer.features_spec(project),
        frame=datasets.training_frame(project.datasets.get()),
    )
    assert set(table["rain_mm"]) == {0.0, 3.0}


def test_a_window_that_comes_later_gives_the_data_no_moment_of_its_own(
    modules: Modules,
) -> None:
    """What the first data was split by holds; the mistake is told with its line."""
    modules.data(
        "calls.csv",
        ["call,began,kitchen,minutes"]
        + [f"c{n},2026-10-01T{n % 24:02d}:00:00Z,North,{n % 7}" for n in range(60)],
    )
    calls = """
p = Project("calls", task="regression", target="minutes", entity="call")
p.source("calls", file="calls.csv", watermark="began")
"""
    name = modules.write(calls)
    assert definition_sync.sync() == []
    before = fields_of("calls")

    modules.change(
        name,
        calls
        + """
@p.window
class Recent:
    key = ["kitchen"]
    events = Events("calls")
    window = Hours(6)
    n = Count()
""",
    )
    [problem] = definition_sync.sync()

    assert "line 6: window recent: past rows have no moment" in problem
    began = {"name": "began", "kind": "datetime"}
    assert before["began"] == fields_of("calls")["began"] == began


def test_a_key_that_tells_every_row_apart_is_an_input_that_nobody_learns_from(
    modules: Modules,
) -> None:
    modules.data(
        "rooms.csv",
        ["order,room,minutes"] + [f"o{n},R{n},{n % 7}" for n in range(60)],
    )
    modules.data("beds.csv", ["room,beds"] + [f"R{n},{n % 4}" for n in range(60)])
    rooms = """
p = Project("rooms", task="regression", target="minutes", entity="order")
p.source("rooms", file="rooms.csv")
p.source("beds", file="beds.csv")
p.derive("floor", lambda row: int(row["room"][1:]) // 20)
"""
    beds = """
@p.lookup("beds", key="room")
class Room: beds = Column()
"""
    name = modules.write(rooms)
    assert definition_sync.sync() == []
    assert "room" not in fields_of("rooms")  # an identifier

    modules.change(name, rooms + beds)
    assert definition_sync.sync() == []

    room = {"name": "room", "kind": "text", "learn": False}
    assert fields_of("rooms")["room"] | {"kind": "text"} == room
    project = Project.objects.get()
    [row] = featurizer.compute(
        project=project,
        features=featurizer.features_spec(project),
        inputs=[{"room": "R7", "floor": 0}],
    )
    assert row == {"floor": 0, "beds": 3}
