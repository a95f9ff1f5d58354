"""Registry: the small form of costs, on the settings page and for a table just brought.
It keeps what was typed, and says under each field what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry import cost_words
from registry.schema import NUMBERS

ROWS = 3  # actions shown at least; an empty one is no action
MOST_ACTIONS = 8
LONGEST_ACTION, LONGEST_CURRENCY = 40, 8


class CostForm:
    """`typed` is a POST, or None where the costs are shown as they are. Costs that are
    larger than the form stay as they are, whatever is posted."""

    def __init__(
        self,
        *,
        task: str,
        classes: Sequence[str],
        fields: Sequence[Mapping[str, Any]],
        costs: Mapping[str, Any],
        typed: Mapping[str, str] | None = None,
    ) -> None:
        self.is_classification = task != "regression"
        self.classes = list(classes)
        numbers = [f for f in fields if f["kind"] in NUMBERS]
        numbers.sort(key=lambda f: f["kind"] != "numeric")  # money has decimals
        self.numeric = [f["name"] for f in numbers]
        self.fits = (
            len(self.classes) <= cost_words.MOST_CLASSES
            and len(costs.get("matrix") or {}) <= MOST_ACTIONS
        )
        typed = typed if self.fits else None
        self.errors: dict[str, str] = {}
        self.saved: Mapping[str, str] = {}
        self.typed = _as_typed(costs, self.classes) if typed is None else typed
        self.costs = dict(costs) if typed is None else self._read()

    def beside(self, costs: Mapping[str, Any]) -> None:
        """Show beside each cell what somebody else saved meanwhile."""
        self.saved = _as_typed(costs, self.classes)

    @property
    def choice(self) -> str:
        return self.typed.get("costs", "none")

    @property
    def currency(self) -> dict[str, str]:
        return self._field("currency")

    @property
    def error_value(self) -> dict[str, str]:
        return self._field("error_value")

    @property
    def table_error(self) -> str:
        return self.errors.get("costs", "")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Actions, each with a cell for every class."""
        used = [i for i in range(MOST_ACTIONS) if self.typed.get(f"action-{i}")]
        shown = min(max(ROWS, max(used, default=-1) + 2), MOST_ACTIONS)
        return [
            {
                "action": self._field(f"action-{i}"),
                "number": i + 1,
                "cells": [
                    {**self._field(f"cell-{i}-{j}"), "class": name}
                    for j, name in enumerate(self.classes)
                ],
            }
            for i in range(shown)
        ]

    def _field(self, name: str) -> dict[str, str]:
        value, saved = self.typed.get(name, ""), self.saved.get(name, "")
        other = bool(self.saved) and saved != value
        return {
            "name": name,
            "value": value,
            "error": self.errors.get(name, ""),
            "saved": (saved or "empty") if other else "",
        }

    def _read(self) -> dict[str, Any]:
        if self.choice == "error" and not self.is_classification:
            found = self._number("error_value")
            return self._with_currency({"error_value": found})
        if self.choice == "matrix" and self.is_classification:
            return self._with_currency({"matrix": self._matrix()})
        return {}

    def _with_currency(self, costs: dict[str, Any]) -> dict[str, Any]:
        currency = self.typed.get("currency", "").strip()
        if len(currency) > LONGEST_CURRENCY:
            self.errors["currency"] = f"Write up to {LONGEST_CURRENCY} characters."
        return costs | ({"currency": currency} if currency else {})

    def _matrix(self) -> dict[str, dict[str, Any]]:
        matrix: dict[str, dict[str, Any]] = {}
        for i in range(MOST_ACTIONS):
            action = self.typed.get(f"action-{i}", "").strip()
            if not action:
                if any(self.typed.get(f"cell-{i}-{j}", "").strip() for j in self._js()):
                    self.errors[f"action-{i}"] = "Name what is done."
                continue
            if action in matrix:
                self.errors[f"action-{i}"] = f"{action} is there twice."
            if len(action) > LONGEST_ACTION:
                self.errors[f"action-{i}"] = f"Write up to {LONGEST_ACTION} characters."
            matrix[action] = {c: self._cell(i, j) for j, c in enumerate(self.classes)}
        if len(matrix) < 2 and not self.errors:
            self.errors["costs"] = (
                "Name at least two actions, else there is nothing to decide."
            )
        return matrix

    def _js(self) -> range:
        return range(len(self.classes))

    def _cell(self, i: int, j: int) -> Any:
        name = f"cell-{i}-{j}"
        try:
            return cost_words.read_cell(self.typed.get(name, ""), numeric=self.numeric)
        except ValueError as error:
            self.errors[name] = str(error)
            return 0

    def _number(self, name: str) -> float:
        try:
            found = cost_words.read_number(self.typed.get(name, ""))
        except ValueError as error:
            self.errors[name] = str(error)
            return 0
        if found <= 0:
            self.errors[name] = "Write a number above 0."
        return found

    @property
    def field_errors(self) -> list[str]:
        """All messages, for a summary above the form."""
        return list(dict.fromkeys(self.errors.values()))


def _as_typed(costs: Mapping[str, Any], classes: Sequence[str]) -> dict[str, str]:
    typed = {"currency": str(costs.get("currency", "")), "costs": "none"}
    if costs.get("error_value") is not None:
        value = cost_words.write_cell(costs["error_value"])
        return typed | {"costs": "error", "error_value": value}
    for i, (action, cells) in enumerate((costs.get("matrix") or {}).items()):
        typed |= {"costs": "matrix", f"action-{i}": action}
        for j, name in enumerate(classes):
            typed[f"cell-{i}-{j}"] = cost_words.write_cell(cells.get(name))
    return typed
