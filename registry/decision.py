"""From probabilities to an action: by threshold, or the action that costs least.

A decision is `{"kind": "threshold", "threshold": t, "actions": [below, from t on]}` or
`{"kind": "cost", "costs": {"matrix": {action: {class: cell}}}}` (costs may also be given
beside it), either with `"abstain": [lo, hi]`: a probability strictly inside the band is
for a person. A cell is money, or `{"times": 6, "field": "monthly_charges"}`; where that
field is missing no cost is known, and the action is `"otherwise"` if the decision names
one, else "abstain". `{}` is no decision. Equal costs: the first action by name, because
PostgreSQL forgets the order of keys. `decide` and `decide_many` do the same arithmetic.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.classes import find_class
from registry.written import significant, written

ABSTAIN = "abstain"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """What to do and why, in one sentence of numbers."""

    action: str
    reason: str
    expected_cost: float | None = None


def decide(
    *,
    probabilities: Mapping[str, float],
    decision: Mapping[str, Any],
    costs: Mapping[str, Any] | None = None,
    positive: str = "",
    row: Row | None = None,
) -> Decision | None:
    """The action for one row; None where the decision is empty or there are no classes.

    `positive` is the class a binary threshold and abstain band speak of; without it
    they speak of the most probable class.

    >>> costs = {"matrix": {"wait": {"Yes": {"field": "bill", "times": 6}, "No": 0},
    ...                     "offer": {"Yes": 60, "No": 60}}}
    >>> decide(probabilities={"No": 0.59, "Yes": 0.41}, positive="Yes",
    ...        decision={"kind": "cost"}, costs=costs, row={"bill": 70.35}).reason
    '0.41 × 6 × 70.35 = 173.06 > 60.00'
    """
    if not decision or not probabilities:
        return None
    judged = probabilities[positive] if positive else max(probabilities.values())
    band = decision.get("abstain")
    if band and band[0] < judged < band[1]:
        return Decision(
            ABSTAIN, f"{_p(judged)} lies between {_p(band[0])} and {_p(band[1])}"
        )
    if decision["kind"] == "cost":
        return _cheapest(probabilities, decision, _matrix(decision, costs), row or {})
    if not positive:
        best = max(probabilities, key=probabilities.__getitem__)
        return Decision(best, f"{_p(judged)} is the largest probability")
    threshold = _threshold(decision)
    below, above = actions_of(decision, classes=list(probabilities), positive=positive)
    if judged >= threshold:
        return Decision(above, f"{_p(judged)} ≥ {_p(threshold)}")
    return Decision(below, f"{_p(judged)} < {_p(threshold)}")


def decide_many(
    *,
    probabilities: Any,
    classes: Sequence[str],
    decision: Mapping[str, Any],
    costs: Mapping[str, Any] | None = None,
    positive: str = "",
    rows: Any = None,
) -> Any:
    """The actions (n,) for probabilities (n, k) with columns `classes`; None for none.

    `rows` is a list of dicts, a DataFrame or a Table: needed where a cost names a field.
    """
    import numpy as np

    if not decision or not len(classes):
        return None
    names = list(classes)
    proba = np.asarray(probabilities, dtype=np.float64)
    judged = proba[:, names.index(positive)] if positive else proba.max(axis=1)
    if decision["kind"] == "cost":
        matrix = _matrix(decision, costs)
        expected = np.column_stack(
            [_expected_many(cells, proba, names, rows) for cells in matrix.values()]
        )
        known = ~np.isnan(expected).any(axis=1)
        best = np.where(known, np.argmin(np.nan_to_num(expected), axis=1), 0)
        actions = np.array(list(matrix), dtype=object)[best]
        actions[~known] = decision.get("otherwise", ABSTAIN)
    elif positive:
        pair = actions_of(decision, classes=names, positive=positive)
        above = judged >= _threshold(decision)
        actions = np.array(pair, dtype=object)[above.astype(int)]
    else:
        actions = np.array(names, dtype=object)[proba.argmax(axis=1)]
    if band := decision.get("abstain"):
        actions[(band[0] < judged) & (judged < band[1])] = ABSTAIN
    return actions


def actions_of(
    decision: Mapping[str, Any], *, classes: Sequence[str], positive: str
) -> tuple[str, str]:
    """The actions below and from the threshold on; default: the classes' names."""
    if named := decision.get("actions"):
        return named[0], named[1]
    return next(c for c in classes if c != positive), positive


def whole_rows(costs: Mapping[str, Any], *, classes: Sequence[str]) -> dict[str, Any]:
    """Costs with a cell for every class: what is given once holds for each of them, and
    classes are spelt as the project spells them.

    >>> whole_rows({"matrix": {"offer": 60, "wait": {"true": 9, "false": 0}}},
    ...            classes=["False", "True"])["matrix"]
    {'offer': {'False': 60, 'True': 60}, 'wait': {'True': 9, 'False': 0}}
    """
    if "matrix" not in costs:
        return dict(costs)
    matrix = {}
    for action, row in costs["matrix"].items():
        if not isinstance(row, Mapping) or set(row) == {"field", "times"}:
            matrix[action] = dict.fromkeys(classes, row)
        else:
            matrix[action] = {find_class(classes, n) or n: c for n, c in row.items()}
    return {**costs, "matrix": matrix}


def spread(settings: Mapping[str, Any], *, classes: Sequence[str]) -> dict[str, Any]:
    """A project's settings where its costs, and its decision's own, are whole rows."""
    found = dict(settings)
    if costs := found.get("costs"):
        found["costs"] = whole_rows(costs, classes=classes)
    if own := (found.get("decision") or {}).get("costs"):
        costs = whole_rows(own, classes=classes)
        found["decision"] = {**found["decision"], "costs": costs}
    return found


def fields_of(costs: Mapping[str, Any]) -> list[str]:
    """The input fields a cost matrix multiplies by, each once."""
    cells = [c for row in costs.get("matrix", {}).values() for c in row.values()]
    return sorted({cell["field"] for cell in cells if isinstance(cell, Mapping)})


def problems(
    decision: Mapping[str, Any], *, costs: Mapping[str, Any], classes: Sequence[str]
) -> list[str]:
    """What is wrong with a decision and its costs, in sentences; empty: nothing."""
    found = []
    kind = decision.get("kind") if decision else None
    if decision and kind not in {"threshold", "cost"}:
        found.append(f"kind is {kind!r}: write threshold or cost.")
    threshold = decision.get("threshold", 0.5)
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        found.append(f"threshold is {threshold!r}: write a number from 0 to 1.")
    if "actions" in decision and len(decision["actions"]) != 2:
        found.append("actions are two: below the threshold, and from it on.")
    band = decision.get("abstain")
    if band is not None and not (len(band) == 2 and 0 <= band[0] <= band[1] <= 1):
        found.append("abstain is two probabilities, the lower first.")
    matrix = (decision.get("costs") or costs).get("matrix", {})
    if kind == "cost" and not matrix:
        found.append("A cost-minimal decision needs a cost matrix.")
    for action, cells in matrix.items():
        if missing := [c for c in classes if c not in cells]:
            found.append(f"The costs of {action!r} lack class {missing[0]!r}.")
        if unknown := [c for c in cells if c not in classes]:
            found.append(f"The costs of {action!r} name no class: {unknown[0]!r}.")
    return found


def _threshold(decision: Mapping[str, Any]) -> float:
    """One half where none is named: the more likely class."""
    return float(decision.get("threshold", 0.5))


def _matrix(
    decision: Mapping[str, Any], costs: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    matrix = (decision.get("costs") or costs or {})["matrix"]
    return {action: matrix[action] for action in sorted(matrix)}


def _cheapest(
    probabilities: Mapping[str, float],
    decision: Mapping[str, Any],
    matrix: Mapping[str, Any],
    row: Row,
) -> Decision:
    expected = {}
    for action, cells in matrix.items():
        total = 0.0
        for name, p in probabilities.items():
            cost = _cell(cells[name], row)
            if cost is None:
                field = cells[name]["field"]
                action = decision.get("otherwise", ABSTAIN)
                return Decision(action, f"{field} is missing: no cost is known")
            total = total + p * cost
        expected[action] = total
    best = min(expected, key=expected.__getitem__)
    others = [a for a in matrix if a != best]
    words = {a: _formula(matrix[a], probabilities, row, expected[a]) for a in matrix}
    if len(others) == 1:
        other = others[0]
        # The formula with a product in it first: "0.41 × 6 × 70.35 = 173.06 > 60.00".
        first, last = (best, other) if "×" in words[best] else (other, best)
        sign = _sign(expected[first], expected[last])
        reason = f"{words[first]} {sign} {words[last]}"
    else:
        rest = "; ".join(f"{a}: {words[a]}" for a in others)
        reason = f"{best}: {words[best]} is least ({rest})"
    return Decision(best, reason, expected[best])


def _sign(left: float, right: float) -> str:
    return ">" if left > right else "<" if left < right else "="


def _cell(cell: Any, row: Row) -> float | None:
    """A cell's money for one row; None where its field is missing or no number."""
    if not isinstance(cell, Mapping):
        return float(cell)
    from registry.estimators.table import number

    value = number(row.get(cell["field"]))
    return None if math.isnan(value) else _times(cell) * value


def _times(cell: Mapping[str, Any]) -> float:
    return float(cell.get("times", 1))


def _formula(
    cells: Mapping[str, Any], probabilities: Mapping[str, float], row: Row, total: float
) -> str:
    """`0.41 × 6 × 70.35 = 173.06`, or the number alone where no class changes it."""
    costs = {name: _cell(cells[name], row) for name in probabilities}
    if len(set(costs.values())) == 1:
        return _money(next(iter(costs.values())) or 0.0)
    terms = []
    for name, p in probabilities.items():
        cell, cost = cells[name], costs[name]
        if isinstance(cell, Mapping):
            value = (cost or 0.0) / (_times(cell) or 1)
            money = f"{significant(_times(cell))} × {_money(value)}"
        else:
            money = _money(cost or 0.0)
        if cost:
            terms.append(f"{_p(p)} × {money}")
    return f"{' + '.join(terms) or '0'} = {_money(total)}"


def _money(value: float) -> str:
    return written(f"{value:.2f}")


def _p(value: float) -> str:
    """A probability in at most four decimals.

    >>> _p(0.41), _p(0.123456), _p(1.0)
    ('0.41', '0.1235', '1')
    """
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _expected_many(
    cells: Mapping[str, Any], proba: Any, classes: Sequence[str], rows: Any
) -> Any:
    import numpy as np

    total = np.zeros(len(proba))
    for index, name in enumerate(classes):
        total = total + proba[:, index] * _cell_many(cells[name], len(proba), rows)
    return total


def _cell_many(cell: Any, n: int, rows: Any) -> Any:
    import numpy as np

    from registry.estimators.table import read

    if not isinstance(cell, Mapping):
        return np.full(n, float(cell))
    name = cell["field"]
    values = read(rows, [{"name": name, "kind": "numeric"}]).columns[name]
    return _times(cell) * values
