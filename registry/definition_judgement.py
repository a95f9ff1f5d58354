"""What a definition says of judgement: costs, decision, gate, plan, and a labeller's
card. Checked where it is written: what is stored is used as it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry import cards, plans
from registry import definition_values as values
from registry.classes import class_name
from registry.definition_base import Declared
from registry.errors import InvalidInput

_CELL = {"field", "times"}


class Judged(Declared):
    """The part of a definition that declares what a model is worth."""

    target: str

    def costs(self, *, currency: str = "", error_value: float | None = None,
              **actions: Any) -> None:  # fmt: skip
        """Money: `offer=60, wait={"Yes": times(6, "monthly_charges"), "No": 0}`, or
        for a regression `error_value` by unit of error. A number stands for every
        class."""
        line = self._line()
        if not isinstance(currency, str) or len(currency) > 8:
            self._refuse(line, "costs: currency", "write it short, as EUR")
        costs: dict[str, Any] = {"currency": currency} if currency else {}
        if error_value is not None:
            if cure := values.number(error_value):
                self._refuse(line, f"costs: error_value {error_value!r}", cure)
            costs["error_value"] = error_value
        if actions:
            costs["matrix"] = self._matrix("costs", actions, line)
        self._set("costs", costs, line)

    def _matrix(self, what: str, actions: Mapping[str, Any], line: int) -> Any:
        return {
            action: self._row_of_costs(f"{what}: {action}", row, line)
            for action, row in actions.items()
        }

    def _row_of_costs(self, what: str, row: object, line: int) -> Any:
        """Costs by class, or the number (or `times`) that stands for every class."""
        if _is_cell(row):
            return row
        if isinstance(row, Mapping) and row and all(map(_is_cell, row.values())):
            return {class_name(name): cell for name, cell in row.items()}
        cure = 'a cost is a number or times(6, "column"), for all or by class'
        return self._refuse(line, f"{what}={row!r:.60}", cure)

    def decision(
        self, kind: str, *, costs: Mapping[str, Any] | None = None, **details: Any
    ) -> None:
        """`"cost"` acts where it is cheapest, by the project's costs or by its own,
        `costs={"matrix": {action: …}}`; `"threshold", threshold=.3`."""
        line, details = self._line(), values.as_json(details)
        if kind not in {"cost", "threshold"}:
            self._refuse(line, f"decision {kind}", "write cost or threshold")
        self._fit("decision", values.DECISION, details, line)
        if costs is not None:
            details["costs"] = self._own_costs(costs, line)
        self._set("decision", {"kind": kind, **details}, line)

    def _own_costs(self, costs: object, line: int) -> dict[str, Any]:
        given = costs if isinstance(costs, Mapping) else {}
        actions = given.get("matrix")
        if set(given) != {"matrix"} or not isinstance(actions, Mapping) or not actions:
            cure = 'write {"matrix": {action: costs by class}}'
            self._refuse(line, f"decision: costs {costs!r:.60}", cure)
        return {"matrix": self._matrix("decision: costs", actions, line)}

    def gate(self, **limits: Any) -> None:
        """What a model must pass: margin, slices, worst_slice_margin, max_latency_us,
        max_artifact_mb, approval."""
        line, limits = self._line(), values.as_json(limits)
        self._fit("gate", values.GATE, limits, line)
        self._set("gate", limits, line)

    def plan(self, *steps: Mapping[str, Any]) -> None:
        """What the rollout of an accepted model follows: percent, hours, min_n."""
        line = self._line()
        plan = [dict(step) if isinstance(step, Mapping) else step for step in steps]
        try:
            plans.clean_plan(plan)
        except InvalidInput as error:
            self._refuse(line, "plan", error.detail.rstrip("."))
        self._set("plan", plan, line)

    def card(self, *columns: str) -> None:
        """What a labeller sees of an item, in this order; the target stays hidden."""
        line = self._line()
        for problem in cards.problems(list(columns), target=self.target):
            self._refuse(line, "card", problem.message.rstrip("."))
        self._set("card", list(columns), line)


def _is_cell(value: object) -> bool:
    if isinstance(value, Mapping):
        shaped = set(value) == _CELL and isinstance(value["field"], str)
        return shaped and values.is_number(value["times"])
    return values.is_number(value)
