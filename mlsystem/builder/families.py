"""The families of models a build tries; one entry each, all through one shared suite."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlsystem.builder.space import Choice, Float, Int, Kind, Space

if TYPE_CHECKING:  # numpy stays out of the processes that only plan
    from registry.estimators.base import Servable
    from registry.estimators.table import Field

ABSOLUTE = ("mae", "median_absolute_error", "mape")  # metrics that want the median
READABLE_BY_TREES = ("numeric", "integer", "boolean", "categorical", "datetime")


@dataclass(frozen=True)
class Family:
    """How to make one kind of model, from which parameters, starting where."""

    make: Callable[..., Servable]  # (params, task=, fields=, classes=, seed=)
    defaults: Callable[[str, str], dict[str, Any]]  # (task, metric)
    space: Callable[[str, Sequence[Field]], Space]  # (task, fields); {}: never tuned
    reads: tuple[str, ...] = ()  # kinds of field, of which one must be there; (): none
    types: tuple[str, ...] = ()  # further types its artefacts hold

    def supports(self, fields: Sequence[Field]) -> bool:
        return not self.reads or any(field["kind"] in self.reads for field in fields)


def _dummy(
    params: dict[str, Any],
    *,
    task: str,
    fields: Sequence[Field],
    classes: Sequence[str],
    seed: int,  # every family takes one
) -> Servable:
    from registry.estimators.baselines import Majority, MeanBaseline

    kind = MeanBaseline if task == "regression" else Majority
    return kind(task=task, fields=fields, classes=classes, **params)


def _dummy_defaults(task: str, metric: str) -> dict[str, Any]:
    if task != "regression":
        return {}
    return {"statistic": "median" if metric in ABSOLUTE else "mean"}


def _linear(
    params: dict[str, Any],
    *,
    task: str,
    fields: Sequence[Field],
    classes: Sequence[str],
    seed: int,  # every family takes one
) -> Servable:
    from registry.estimators.linear import Linear

    return Linear(task=task, fields=fields, classes=classes, params=params)


def _linear_defaults(task: str, metric: str) -> dict[str, Any]:
    del metric  # Huber suits an absolute error, but is far too slow to begin with
    if task == "regression":
        return {"C": 1.0, "min_frequency": 1, "ngrams": 1, "loss": "squared"}
    return {"C": 1.0, "min_frequency": 1, "ngrams": 1, "class_weight": "none"}


def _linear_space(task: str, fields: Sequence[Field]) -> Space:
    kinds = {field["kind"] for field in fields}
    space: dict[str, Kind] = {"C": Float(1e-4, 1e2, log=True)}
    if kinds & {"categorical", "datetime"}:
        space["min_frequency"] = Int(1, 50, log=True)
    if "text" in kinds:
        space["ngrams"] = Choice(1, 2)
    return space | _of_task(task, {"loss": Choice("squared", "huber")})


def _lightgbm(
    params: dict[str, Any],
    *,
    task: str,
    fields: Sequence[Field],
    classes: Sequence[str],
    seed: int,
) -> Servable:
    from registry.estimators.boosting import Boosting

    return Boosting(task=task, fields=fields, classes=classes, params=params, seed=seed)


def _lightgbm_defaults(task: str, metric: str) -> dict[str, Any]:
    from registry.estimators.boosting import DEFAULTS

    if task != "regression":
        return {k: v for k, v in DEFAULTS.items() if k != "objective"}
    defaults = {k: v for k, v in DEFAULTS.items() if k != "class_weight"}
    return defaults | {"objective": "l1" if metric in ABSOLUTE else "l2"}


def _lightgbm_space(task: str, fields: Sequence[Field]) -> Space:
    del fields
    space: dict[str, Kind] = {
        "n_estimators": Int(30, 600, log=True),
        "learning_rate": Float(0.01, 0.3, log=True),
        "num_leaves": Int(3, 63, log=True),
        "min_data_in_leaf": Int(5, 200, log=True),
        "feature_fraction": Float(0.3, 1.0),
        "bagging_fraction": Float(0.4, 1.0),
        "lambda_l2": Float(1e-3, 100.0, log=True),
    }
    return space | _of_task(task, {"objective": Choice("l2", "l1")})


def _kernel(
    params: dict[str, Any],
    *,
    task: str,
    fields: Sequence[Field],
    classes: Sequence[str],
    seed: int,
) -> Servable:
    from registry.estimators.kernel import Kernel

    return Kernel(task=task, fields=fields, classes=classes, params=params, seed=seed)


def _kernel_defaults(task: str, metric: str) -> dict[str, Any]:
    from registry.estimators.kernel import DEFAULTS

    del task, metric
    return dict(DEFAULTS)


def _kernel_space(task: str, fields: Sequence[Field]) -> Space:
    del task, fields
    return {
        "gamma": Float(0.05, 3.0, log=True),
        "ridge": Float(1e-2, 10.0, log=True),
        "landmarks": Int(100, 1500, log=True),
    }


def _of_task(task: str, regression: dict[str, Kind]) -> dict[str, Kind]:
    if task == "regression":
        return regression
    return {"class_weight": Choice("none", "balanced")}


# Keyed and ordered as registry.catalogue.ALGORITHMS: the order of first trials.
FAMILIES: dict[str, Family] = {
    "dummy": Family(
        make=_dummy, defaults=_dummy_defaults, space=lambda task, fields: {}
    ),
    "linear": Family(
        make=_linear,
        defaults=_linear_defaults,
        space=_linear_space,
        reads=(*READABLE_BY_TREES, "text", "image"),
    ),
    "lightgbm": Family(
        make=_lightgbm,
        defaults=_lightgbm_defaults,
        space=_lightgbm_space,
        reads=READABLE_BY_TREES,
    ),
    "kernel": Family(
        make=_kernel,
        defaults=_kernel_defaults,
        space=_kernel_space,
        reads=("image",),
    ),
}


def families(
    *, names: Sequence[str] = (), extra: str = "", fields: Sequence[Field] = ()
) -> dict[str, Family]:
    """The families named (default: all) that can read these fields, in their order.

    `extra` is "module:NAME" of a dict of more, from code that the operator wrote.
    """
    known: dict[str, Family] = dict(FAMILIES)
    if extra:
        module, _, name = extra.partition(":")
        more: Mapping[str, Family] = getattr(importlib.import_module(module), name)
        known |= more
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"No algorithm {unknown[0]!r}: there are {', '.join(known)}.")
    return {
        key: family
        for key, family in known.items()
        if (not names or key in names) and family.supports(fields)
    }
