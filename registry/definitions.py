"""What a definition module imports: a project as data and plain functions. Pure.

Everything is checked where it is written; a mistake names module, line and cure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from registry import definition_values as values
from registry import plans, precedence
from registry.aggregates import (
    Count,
    Global,
    Last,
    Max,
    Mean,
    Min,
    NUnique,
    Quantile,
    Std,
    Sum,
)
from registry.classes import class_name
from registry.definition_data import Sourced
from registry.definition_judgement import Judged
from registry.definition_parts import (
    Baseline,
    Column,
    DefinitionError,
    Feature,
    GroupMean,
    Lookup,
    Rule,
    days,
    hours,
    share,
    times,
)
from registry.definition_windows import Windowed
from registry.errors import InvalidInput
from registry.images import png
from registry.row_features import (
    ROW_FEATURES,
    Hour,
    Log,
    Ratio,
    RowFeature,
    TextLength,
    Weekday,
)
from registry.windows import Days, Events, Hours, Minutes

__all__ = [
    "Column",
    "Count",
    "Days",
    "DefinitionError",
    "Events",
    "Global",
    "GroupMean",
    "Hour",
    "Hours",
    "Last",
    "Log",
    "Max",
    "Mean",
    "Min",
    "Minutes",
    "NUnique",
    "Project",
    "Quantile",
    "Ratio",
    "Rule",
    "Std",
    "Sum",
    "TextLength",
    "Weekday",
    "days",
    "hours",
    "png",
    "share",
    "times",
]

ATTRIBUTES = {  # of registry.models.Project, where it has another name
    "positive": "positive_class",
    "time": "time_column",
    "group": "group_column",
    "metric": "primary_metric",
    "strict": "strict_inputs",
}
OPERATORS = ("<", "<=", ">", ">=", "==", "!=")
_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)


class Project(Sourced, Windowed, Judged):
    """One prediction problem, declared. Only slug, task and target must be given;
    what is not declared here stays open to the project's pages."""

    def __init__(
        self,
        slug: str,
        *,
        task: str,
        target: str,
        name: str | None = None,
        description: str | None = None,
        unit: str | None = None,
        positive: str | bool | int | None = None,
        classes: Sequence[str | bool | int] | None = None,
        entity: str | Sequence[str] | None = None,
        time: str | None = None,
        group: str | None = None,
        horizon: timedelta | None = None,
        silence: str | None = None,
        metric: str | None = None,
        zone: str | None = None,
        strict: bool | None = None,
        truth_precedence: Sequence[str] | None = None,
        control_share: float | None = None,
    ) -> None:
        super().__init__()
        line = self._line()
        if wrong := precedence.problem(truth_precedence or ()):
            self._refuse(line, "truth_precedence", wrong.rstrip("."))
        given: dict[str, Any] = {
            "slug": slug,
            "task": task,
            "target": target,
            "name": name,
            "description": description,
            "unit": unit,
            "positive": None if positive is None else class_name(positive),
            "classes": None if classes is None else [class_name(c) for c in classes],
            "entity": [entity] if isinstance(entity, str) else entity and list(entity),
            "time": time,
            "group": group,
            "horizon": horizon,
            "silence": silence,
            "zone": zone,
            "strict": strict,
        }
        given = {name: value for name, value in given.items() if value is not None}
        self._fit("", values.PROJECT, given, line)
        if metric is not None and (cure := values.metric(task, metric)):
            self._refuse(line, f"metric {metric!r}", cure)
        given |= {
            "metric": metric,
            "truth_precedence": truth_precedence and list(truth_precedence),
            "control_share": self._share(control_share, line),
        }
        self.slug, self.task, self.target = slug, task, target
        for keyword, value in given.items():
            if value is not None:
                self._set(ATTRIBUTES.get(keyword, keyword), value, line)
        self.lookups: list[Lookup] = []
        self.computed = []
        self.baselines: list[Baseline] = []

    def _share(self, percent: float | None, line: int) -> Decimal | None:
        try:
            return None if percent is None else plans.clean_percent(percent)
        except InvalidInput:
            cure = "write a percentage from 0 to 100, two decimals"
            return self._refuse(line, f"control_share {percent!r}", cure)

    @property
    def row_features(self) -> list[Feature]:
        """Without windows, in the order of their declaration."""
        return [one for one in self.computed if isinstance(one, Feature)]

    @property
    def key_columns(self) -> set[str]:
        """What a subject, or a row of a look-up, is known by; moments of rows are not."""
        keys = {name for lookup in self.lookups for name in lookup.key}
        moments = {self.settings.get("time_column"), self.truth_known_at}
        moments |= {source.watermark for source in self.sources}
        return (keys | set(self.settings.get("entity", ()))) - moments

    def __repr__(self) -> str:
        return f"<definition of {self.slug} in {self.module}>"

    # Features

    def lookup(
        self, source: str, *, key: str | Sequence[str], columns: str = ""
    ) -> Callable[[_Class], _Class]:
        """Stored columns by key. Decorates a class of Columns; `columns="inputs"`
        takes every input instead, and decorates nothing."""
        line = self._line()
        if source not in [s.name for s in self.sources]:
            self._refuse(line, f"lookup {source}", "declare this source first")
        keys = [key] if isinstance(key, str) else list(key)
        if not keys or values.names(keys):
            self._refuse(line, f"lookup {source}", 'give a key, as key="customer"')
        if columns:
            if columns != "inputs":
                self._refuse(line, f"lookup {source}", 'write columns="inputs"')
            self.lookups.append(Lookup(source, keys, None, line))

        def decorate(declared: _Class) -> _Class:
            found = {
                name: Column(value.name or name, value.kind)
                for name, value in vars(declared).items()
                if isinstance(value, Column)
            }
            for name, column in found.items():
                self._kind(column.kind or "text", line, f"lookup {source}: {name}")
            if not found or columns:
                cure = "give the class attributes such as year = Column()"
                self._refuse(line, f"lookup {source}", cure)
            if self.target in {column.name for column in found.values()}:
                self._refuse(line, f"lookup {source}", "leave the target out")
            self.lookups.append(Lookup(source, keys, found, line))
            return declared

        return decorate

    def features(self, **named: RowFeature) -> None:
        """Features of the closed set: `age=Log("years")`."""
        line = self._line()
        for name, feature in named.items():
            if not isinstance(feature, ROW_FEATURES):
                words = ", ".join(kind.__name__ for kind in ROW_FEATURES)
                self._refuse(line, f"feature {name}", f"write one of {words}")
            self._new_feature(Feature(name, feature.kind, line, closed=feature))

    def feature(
        self, function: _Function | None = None, *, kind: str = "numeric"
    ) -> Any:
        """An own feature: a function of a row, named as the function; missing where
        it fails. `row` has every input, the look-ups', the features declared before,
        the entity's columns and `at`; what is missing is None."""
        line = self._line()
        self._kind(kind, line, "feature")

        def decorate(declared: _Function) -> _Function:
            name = declared.__name__
            guarded = self._guarded(
                declared, line, f"feature {name}", "the feature is missing"
            )
            self._new_feature(Feature(name, kind, line, function=guarded))
            return declared

        return decorate if function is None else decorate(function)

    # Judgement

    def baseline(
        self,
        name: str,
        what: Rule | GroupMean | str | Callable[[Mapping[str, Any]], Any],
    ) -> None:
        """What is worth beating: a Rule, a GroupMean, "majority", "mean", "median" or
        a function of a row. The first one is served until a model is better."""
        line = self._line()
        if name in [baseline.name for baseline in self.baselines]:
            self._refuse(line, f"baseline {name}", "there is one of that name")
        kind, params, function = self._baseline(name, what, line)
        self.baselines.append(Baseline(name, kind, line, params, function))

    def _baseline(
        self, name: str, what: object, line: int
    ) -> tuple[str, dict[str, Any], Callable[[Mapping[str, Any]], Any] | None]:
        if isinstance(what, Rule):
            if what.operator not in OPERATORS:
                cure = f"operator: one of {' '.join(OPERATORS)}"
                self._refuse(line, f"baseline {name}", cure)
            given = {k: v for k, v in vars(what).items() if v is not None}
            return "rule", given, None
        if isinstance(what, GroupMean):
            return *self._group_mean(name, what, line), None
        if what == "majority":
            return "majority", {}, None
        if what in {"mean", "median"}:
            return "mean", {"statistic": what}, None
        if callable(what):
            return "function", {}, what
        return self._refuse(
            line, f"baseline {name}", "a Rule, GroupMean, word or function"
        )
