"""Costs of a decision's own, and limits that are none."""

import pytest

from registry import definition_sync
from registry.definition_store import DefinitionBroken, load
from registry.models import Project
from tests.modules import Modules, modules

__all__ = ["modules"]  # a fixture

BILLS = 'p = Project("bills", task="binary", target="paid", positive="true")\n'
CLASSES = BILLS.replace("positive=", 'classes=["false", "true"], positive=')
SOURCE = 'p.source("orders", file="orders.csv")\np.exclude("order")\n'
DECISION = """
p.decision("cost", otherwise="remind", costs={
    "matrix": {"remind": 2, "wait": {True: 0, False: times(6, "items")}},
})
"""


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["", SOURCE], ids=["examples", "a source"])
def test_costs_of_a_decision_hold_for_every_class_as_those_of_the_project(
    modules: Modules, source: str
) -> None:
    lines = [f"o{n},{n % 7},{('true', 'false')[n % 3 > 1]}" for n in range(60)]
    modules.data("orders.csv", ["order,items,paid", *lines])
    bare = CLASSES + 'p.field("items", kind="integer")'
    head = BILLS + source if source else bare
    name = modules.write(head + DECISION)
    assert definition_sync.sync() == []

    project = Project.objects.get()
    true, false = sorted(project.classes, key=str.lower, reverse=True)
    assert project.decision == {
        "kind": "cost",
        "otherwise": "remind",
        "costs": {
            "matrix": {
                "remind": {false: 2, true: 2},
                "wait": {true: 0, false: {"field": "items", "times": 6}},
            }
        },
    }
    modules.change(name, head + DECISION.replace('"remind": 2', '"remind": 3'))
    assert definition_sync.sync() == []
    project.refresh_from_db()
    matrix = project.decision["costs"]["matrix"]
    assert matrix["remind"] == {false: 3, true: 3}


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ('{"matrix": {"a": "60"}}', "line 3: decision: costs: a='60': a cost is a num"),
        ('{"matrx": {"a": 60}}', "line 3: decision: costs {'matrx': {'a': 60}}: write"),
        ('{"matrix": {}}', "line 3: decision: costs {'matrix': {}}: write"),
        ("60", "line 3: decision: costs 60: write"),
    ],
)
def test_costs_of_a_decision_that_are_none_are_refused_with_their_line(
    modules: Modules, costs: str, told: str
) -> None:
    name = modules.write(BILLS + f'p.decision("cost", costs={costs})')

    with pytest.raises(DefinitionBroken) as error:
        load(name)

    assert told in error.value.detail


@pytest.mark.django_db
def test_costs_of_a_decision_multiply_numeric_inputs_alone(modules: Modules) -> None:
    modules.write(CLASSES + 'p.field("note", kind="text")' + DECISION)

    [problem] = definition_sync.sync()

    assert "decision.costs.matrix.wait.false: items: no numeric field" in problem


@pytest.mark.django_db
def test_a_limit_that_is_none_limits_nothing(modules: Modules) -> None:
    modules.write(CLASSES + "p.gate(max_latency_us=None, max_artifact_mb=None)")

    assert definition_sync.sync() == []

    assert not any(Project.objects.get().gate.values())
