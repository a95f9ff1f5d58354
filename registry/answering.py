"""A loaded model version: it answers rows, explains them, and never lets nonsense pass."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry import images
from registry.classes import by_class, find_class
from registry.decision import decide
from registry.guarded import FAILED
from registry.models import ModelVersion
from registry.schema import json_value

logger = logging.getLogger(__name__)

Row = Mapping[str, Any]
MOST_PARTS = 20  # words of one text that an explanation lists
SUM_TOLERANCE = 1e-6  # of probabilities to 1, and of contributions to the raw output


class ModelFailure(Exception):
    """A version raised, or returned what cannot be an answer; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a version says about one row. `score` is the positive class's probability."""

    prediction: Any  # a class, or a number
    score: float | None = None
    probabilities: dict[str, float] | None = None
    interval: tuple[float, float] | None = None
    decision: dict[str, str] | None = None

    def said(self) -> dict[str, Any]:
        """What the model itself said, as it is told and stored; nothing is null."""
        told: dict[str, Any] = {"prediction": self.prediction}
        for name in ("score", "probabilities", "interval"):
            if (value := getattr(self, name)) is not None:
                told[name] = value
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    """A prediction before its decision."""

    prediction: Any
    probabilities: dict[str, float] | None = None


class LoadedVersion:
    """One model version in this process: `answer` and `explain` rows of features.

    Either `model` (a registry.estimators Servable) or `function` (row → class or number,
    or a mapping of classes to probabilities) does the work.
    """

    def __init__(
        self,
        *,
        version: ModelVersion,
        task: str,
        positive: str,
        unit: str,
        model: Any = None,
        function: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        self.version = version
        self.number = version.number
        self.task = task
        self.positive = positive
        self.unit = unit  # of a regression's target
        self.classes: list[str] = list(version.classes)
        self.fields: list[dict[str, Any]] = version.fields  # what clients send
        self.features: dict[str, Any] = version.features  # what the Featurizer adds
        self._model = model
        self._function = function

    def answer(
        self, rows: Sequence[Row], *, inputs: Sequence[Row] | None = None
    ) -> list[Answer]:
        """One answer a row, checked. `inputs` are the rows as the client sent them:
        a cost may name a field that the model does not read. Raises ModelFailure."""
        try:
            outputs = self._outputs(rows)
            if len(outputs) != len(rows):
                raise ModelFailure(f"answered {len(outputs)} rows of {len(rows)}")
            seen = rows if inputs is None else inputs
            pairs = zip(outputs, rows, seen, strict=True)
            return [self._answer(out, {**sent, **row}) for out, row, sent in pairs]
        except ModelFailure as failure:
            logger.warning("%s %s", self.version, failure)
            raise
        except Exception as error:  # the boundary of a model: it may do anything
            logger.exception("%s failed on %d rows", self.version, len(rows))
            raise ModelFailure(f"raised {type(error).__name__}: {error}") from error

    def explain(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Per row what each feature adds: base + contributions = total, in the unit of
        the raw output (log-odds of one class, or the target's). Raises ModelFailure."""
        try:
            if self._function is not None:
                return [self._unexplained(out) for out in self._outputs(rows)]
            return self._explain(rows)
        except ModelFailure:
            raise
        except Exception as error:  # the boundary of a model: it may do anything
            logger.exception("%s explained nothing", self.version)
            raise ModelFailure(f"raised {type(error).__name__}: {error}") from error

    def _answer(self, output: _Output, row: Row) -> Answer:
        said, shares = output.prediction, output.probabilities
        if self.task == "regression":
            return Answer(prediction=said)
        score = shares.get(self.positive) if shares and self.positive else None
        decided = decide(
            probabilities=shares or {},
            decision=self.version.decision,
            costs=self.version.costs,
            positive=self.positive,
            row=row,
        )
        return Answer(
            prediction=said,
            score=score,
            probabilities=shares,
            decision={"action": decided.action, "reason": decided.reason}
            if decided
            else None,
        )

    def _outputs(self, rows: Sequence[Row]) -> list[_Output]:
        if self._function is not None:
            return [self._called(self._function(_bare(row))) for row in rows]
        if self.task == "regression":
            values = _listed(self._model.predict(list(rows)))
            return [_Output(prediction=_finite(value)) for value in values]
        return self._classified(rows)

    def _classified(self, rows: Sequence[Row]) -> list[_Output]:
        names = [str(name) for name in self._model.classes_]
        if strange := [name for name in names if name not in self.classes]:
            raise ModelFailure(f"knows a class that the project does not: {strange[0]}")
        said, shares = _say(self._model, list(rows))
        outputs = []
        for name, row in zip(_listed(said), _listed(shares), strict=True):
            if len(row) != len(names):
                raise ModelFailure(
                    f"gave {len(row)} probabilities for {len(names)} classes"
                )
            probabilities = dict(zip(names, row, strict=True))
            outputs.append(self._checked(str(name), probabilities))
        return outputs

    def _called(self, result: Any) -> _Output:
        """A declared function's return value as an output."""
        if result is FAILED:
            raise ModelFailure("failed in its function; the log has the traceback")
        if self.task == "regression":
            return _Output(prediction=_finite(result))
        if isinstance(result, Mapping):
            named = by_class(self.classes, result) or result
            shares = {str(name): float(p) for name, p in named.items()}
            best = max(shares, key=shares.__getitem__) if shares else ""
            return self._checked(best, shares)
        name = None if result is None else find_class(self.classes, result)
        return self._checked(str(result) if name is None else name, None)

    def _checked(self, name: str, shares: dict[str, float] | None) -> _Output:
        if name not in self.classes:
            raise ModelFailure(f"said {name!r}, which is none of {self.classes[:20]}")
        if shares is not None:
            values = shares.values()
            if not all(0.0 <= p <= 1.0 for p in values):  # NaN fails too
                raise ModelFailure(f"gave a probability of {_worst(values)}")
            if abs(sum(values) - 1.0) > SUM_TOLERANCE:
                raise ModelFailure(f"gave probabilities that add up to {sum(values)}")
        return _Output(prediction=name, probabilities=shares)

    def _explain(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        raw = _listed(self._model.predict_raw(list(rows)))
        base, parts = self._model.explained(list(rows))
        bases = _listed(base)
        explained = []
        for i, row in enumerate(rows):
            of, column = self._explained_class(raw[i])
            picked = [(p.field, p.what, _pick(p.adds, column)) for p in parts[i]]
            explained.append(
                self._shown(
                    of,
                    base=_pick(bases[i], column),
                    total=_pick(raw[i], column),
                    parts=picked,
                    row=row,
                )
            )
        return explained

    def _explained_class(self, raw: Any) -> tuple[str, int | None]:
        """Which class is explained, and its column where there is one a class."""
        if self.task == "regression":
            return "", None
        if not isinstance(raw, list):
            return self._model.positive, None
        best = max(range(len(raw)), key=raw.__getitem__)
        return str(self._model.classes_[best]), best

    def _shown(
        self,
        of: str,
        *,
        base: float,
        total: float,
        parts: Sequence[tuple[str, str | None, float]],
        row: Row,
    ) -> dict[str, Any]:
        gap = abs(base + math.fsum(adds for _, _, adds in parts) - total)
        if not gap <= SUM_TOLERANCE * max(1.0, abs(total)):
            raise ModelFailure(f"explained {total} with parts that miss it by {gap}")
        kinds = {field["name"]: field["kind"] for field in self._model.fields}
        return self._explanation(of) | {
            "base": base,
            "total": total,
            "contributions": [
                {
                    "feature": name,
                    "value": _told(kinds[name], row.get(name))
                    if what is None
                    else what,
                    "contribution": adds,
                }
                for name, what, adds in ranked(parts)
            ],
            "approximate": self._model.approximate,
        }

    def _explanation(self, of: str) -> dict[str, Any]:
        if self.task == "regression":
            return {"unit": self.unit}
        return {"unit": "log-odds", "of": of}

    def _unexplained(self, output: _Output) -> dict[str, Any]:
        """A function has no parts to show: all of its answer is base."""
        if self.task == "regression":
            of, total = "", float(output.prediction)
        else:
            of = str(output.prediction)
            share = (output.probabilities or {of: 1.0})[of]
            share = min(max(share, 1e-12), 1 - 1e-12)
            total = math.log(share / (1 - share))
        return self._explanation(of) | {
            "base": total,
            "total": total,
            "contributions": [],
            "approximate": True,
        }


def _say(model: Any, rows: list[Row]) -> tuple[Any, Any]:
    """Classes and probabilities, the rows read and computed once where that is all."""
    from registry.estimators.base import Servable
    from registry.estimators.table import read

    table = read(rows, model.fields)
    shares = model.predict_proba(table)
    if type(model).predict is Servable.predict:
        return model.label(shares), shares
    return model.predict(table), shares


def ranked(
    parts: Sequence[tuple[str, str | None, float]], most: int = MOST_PARTS
) -> list[tuple[str, str | None, float]]:
    """The largest first; of a long text the smaller ones as one.

    >>> ranked([("note", "a", 1.0), ("note", "b", -3.0), ("note", "c", 0.5)], most=1)
    [('note', 'b', -3.0), ('note', '2 more words', 1.5)]
    """
    found: list[tuple[str, str | None, float]] = []
    for name in dict.fromkeys(name for name, _, _ in parts):
        mine = sorted((p for p in parts if p[0] == name), key=lambda p: -abs(p[2]))
        found += mine[:most]
        if rest := mine[most:]:
            total = math.fsum(adds for _, _, adds in rest)
            found.append((name, f"{len(rest)} more words", total))
    return sorted(found, key=lambda part: -abs(part[2]))


def _bare(row: Row) -> dict[str, Any]:
    """A row for a declared function: what is missing is None, also in a table's row."""
    return {name: None if value != value else value for name, value in row.items()}


def _told(kind: str, value: Any) -> Any:
    """A value as an explanation repeats it: an image only in words."""
    if kind == "image" and isinstance(value, str):
        return images.told(value)
    return json_value(value)


def _listed(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _pick(value: Any, column: int | None) -> float:
    return float(value if column is None else value[column])


def _finite(value: Any) -> float:
    """A regression's answer as a finite float, or ModelFailure."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelFailure(f"said {value!r}, which is no number")
    if not math.isfinite(value):
        raise ModelFailure(f"said {value}")
    return float(value)


def _worst(values: Any) -> float:
    return next(p for p in values if not 0.0 <= p <= 1.0)
