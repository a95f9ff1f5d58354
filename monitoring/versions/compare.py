"""Two versions side by side, the difference first: numbers, then what they are made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitoring.models import Evaluation
from monitoring.owner.evidence import gain_by_intervals, gain_on_test
from monitoring.verdicts.terms import Gain, Terms, difference, reach
from registry.catalogue import Metric, metrics_for
from registry.models import ModelVersion
from registry.written import significant


@dataclass(frozen=True, kw_only=True)
class Line:
    """One metric of both, and how much better the first one is."""

    metric: Metric
    unit: str
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]
    gain: Gain | None


@dataclass(frozen=True, kw_only=True)
class Fact:
    name: str
    ours: str
    theirs: str

    @property
    def differs(self) -> bool:
        return self.ours != self.theirs


def lines(
    ours: Evaluation | None, theirs: Evaluation | None, *, terms: Terms, task: str
) -> list[Line]:
    """The goal first, then in the catalogue's order."""
    if ours is None or theirs is None:
        return []
    metrics = metrics_for(task)
    metrics.sort(key=lambda metric: metric.key != terms.metric.key)
    found = []
    for metric in metrics:
        mine, other = (
            each.report["metrics"].get(metric.key) for each in (ours, theirs)
        )
        if mine is None or other is None or (mine["value"] is other["value"] is None):
            continue
        gain = gain_by_intervals(mine, other, metric=metric)
        unit = {"money": terms.money, "target": terms.target_unit}.get(metric.unit, "")
        found.append(Line(metric=metric, unit=unit, ours=mine, theirs=other, gain=gain))
    return found


def paired(
    ours: ModelVersion, theirs: ModelVersion, *, baseline: int | None
) -> Gain | None:
    """What the gate measured on the same rows, where one of the two is the baseline."""
    if theirs.pk == baseline:
        return gain_on_test(ours, theirs)
    if ours.pk == baseline and (gain := gain_on_test(theirs, ours)):
        low = None if gain.high is None else -gain.high
        high = None if gain.low is None else -gain.low
        return Gain(value=-gain.value, low=low, high=high, n=gain.n, since=gain.since)
    return None


def sentence(
    ours: ModelVersion,
    theirs: ModelVersion,
    gain: Gain | None,
    *,
    terms: Terms,
    paired: bool,
    same_rows: bool,
) -> tuple[str, str]:
    """(sentence, what it rests on)."""
    names = f"Version {ours.number}", f"version {theirs.number}"
    if gain is None:
        return (
            f"{names[0]} and {names[1]} cannot be compared.",
            "One of them has not been judged on a sealed test yet.",
        )
    words = difference(names[0], terms, gain.value, rival=names[1])
    if not gain.sure:
        words = f"{words}, but that may be chance"
    rests = f"{reach(terms, gain)}."
    if paired:
        rests = f"On the same rows of the sealed test: {rests}"
    elif same_rows:
        rests = (
            f"From the interval of each on the sealed test: {rests} The two were not "
            "paired row by row, so the interval is wider than it need be."
        )
    else:
        rests = f"On different test sets, so with care: {rests}"
    return f"{words}.", rests


def facts(ours: ModelVersion, theirs: ModelVersion) -> list[Fact]:
    """What they are made of; what differs comes first."""
    mine, other = dict(_told(ours)), dict(_told(theirs))
    names = [*mine, *(name for name in other if name not in mine)]
    found = [
        Fact(name=name, ours=mine.get(name, "—"), theirs=other.get(name, "—"))
        for name in names
    ]
    return sorted(found, key=lambda fact: not fact.differs)


def _told(version: ModelVersion) -> Iterator[tuple[str, str]]:
    yield "Name", version.name
    yield "Algorithm", version.algorithm
    yield "Data", _data(version)
    yield "Run", f"run {version.run.number}" if version.run else "none"
    yield "Features", _names(version.features.get("fields") or version.fields)
    yield "Decision", _decision(version.decision)
    for name, value in version.params.items():
        yield f"Parameter {name}", _short(value)
    for name, value in version.environment.items():
        yield f"Built with {name}", str(value)


def _data(version: ModelVersion) -> str:
    if version.dataset is None:
        return "none"
    return f"{version.dataset.name}, version {version.dataset.number}"


def _names(fields: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted(str(field["name"]) for field in fields))


def _decision(decision: Mapping[str, Any]) -> str:
    if not decision:
        return "the most probable class"
    return ", ".join(f"{name} {_short(value)}" for name, value in decision.items())


def _short(value: Any) -> str:
    if isinstance(value, float):
        return significant(value)
    return str(value)


def goal_gain(found: Sequence[Line], key: str) -> Gain | None:
    return next((one.gain for one in found if one.metric.key == key), None)


def with_gain(found: Sequence[Line], key: str, gain: Gain | None) -> list[Line]:
    """The goal's line says the gain that the sentence says."""
    return [replace(one, gain=gain) if one.metric.key == key else one for one in found]
