"""Component 4, Monitor: which inputs, and which predictions, no longer look as they did.

A rule fires only where there are enough rows, the change is sure (p after correction
for all the tests done), and it is large: either alone alarms on noise or on trifles.
Where the reference knows how much days differ, it is larger than that too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring.monitor import shapes
from monitoring.monitor.distances import (
    benjamini_hochberg,
    fisher,
    kolmogorov_smirnov,
    largest_difference,
    same_distribution,
    unbiased_psi,
)
from monitoring.monitor.features import FeatureCounts, seen
from monitoring.monitor.inputs import Inputs
from registry.written import number

MINIMUM_N = 200
SURE = 0.01
PSI_WARN, PSI_ALERT = 0.02, 0.1
KS_ALERT = 0.1
SHARE_WARN, SHARE_ALERT = 0.01, 0.1  # of rows unseen, invalid, outside; missing more
NEARLY_ALL = 0.99  # of the rows missing, unseen or invalid: no day is like that
PREDICTION = "(prediction)"
STATES = ("ok", "insufficient", "warn", "alert")  # the worse, the later


@dataclass
class _Rule:
    """One test on one feature: how sure, how large by its measures, and what to say."""

    name: str
    sizes: Mapping[str, float]
    p: float
    state: str  # what its size alone would be: ok, warn, alert
    text: str
    adjusted: float = 1.0

    @property
    def fired(self) -> str:
        return self.state if self.adjusted < SURE else "ok"


def drift(
    profile: Mapping[str, Any],
    current: Inputs,
    *,
    against: Inputs | None = None,
    importance: Mapping[str, float] | None = None,
    minimum_n: int = MINIMUM_N,
) -> list[dict[str, Any]]:
    """Every feature's state, the one that matters most first.

    `profile` is the version's frozen reference; `against` are counts in the same bins
    of another time (the same weekday-hours before), used in place of the profile's own.
    What its ordinary days reach (`usual`, monitoring.monitor.ordinary) is no change.
    `importance` weighs features in the order, not in their state.
    Each: {feature, kind, n, psi, ks, p, missing, missing_change, unseen, invalid,
    outside, state: ok | warn | alert | insufficient, fired: [rule], sentence}.
    """
    found = _tested(profile, current, against, minimum_n=minimum_n)
    _correct([rule for _, rules, _ in found for rule in rules])
    answers = [_judged(*each) for each in found]
    weight = importance or {}
    answers.sort(key=lambda a: (-_rank(a), -weight.get(a["feature"], 1) * _size(a)))
    return answers


def sizes(
    profile: Mapping[str, Any], current: Inputs, *, against: Inputs | None = None
) -> dict[str, dict[str, float]]:
    """Feature → measure → how large its change is, sure or not: psi, ks,
    missing_change, unseen, invalid, outside."""
    found = _tested(profile, current, against, minimum_n=MINIMUM_N)
    return {
        answer["feature"]: {k: v for rule in rules for k, v in rule.sizes.items()}
        for answer, rules, _ in found
    }


def _tested(
    profile: Mapping[str, Any],
    current: Inputs,
    against: Inputs | None,
    *,
    minimum_n: int,
) -> list[tuple[dict[str, Any], list[_Rule], str]]:
    """Of every feature what is measured, its rules, and what else is said of a change."""
    parts = dict(profile["features"])
    counts, then = dict(current.features), dict(against.features) if against else {}
    if profile.get("prediction") is not None:
        parts[PREDICTION] = profile["prediction"]
        if current.prediction is not None:
            counts[PREDICTION] = current.prediction
        if against is not None and against.prediction is not None:
            then[PREDICTION] = against.prediction
    found = []
    for name, part in parts.items():
        now = counts.get(name) or FeatureCounts.empty(part)
        if against is None:
            before = FeatureCounts.from_json(part["counts"])
        else:
            before = then.get(name) or FeatureCounts.empty(part)
        usual = {} if against else profile.get("usual", {}).get(name, {})
        known = {**part, "usual": usual}
        measured = _measured(name, known, now, before, minimum_n=minimum_n)
        found.append((*measured, "; ordinary days differ less" if usual else ""))
    return found


def _correct(rules: list[_Rule]) -> None:
    if rules:
        adjusted = benjamini_hochberg([rule.p for rule in rules])
        for rule, p in zip(rules, adjusted, strict=True):
            rule.adjusted = p


def _measured(
    name: str,
    part: Mapping[str, Any],
    now: FeatureCounts,
    before: FeatureCounts,
    *,
    minimum_n: int,
) -> tuple[dict[str, Any], list[_Rule]]:
    answer: dict[str, Any] = {"feature": name, "kind": part["kind"], "n": now.n}
    answer |= {
        "psi": None,
        "ks": None,
        "p": None,
        "missing": _share(now.missing, now.n),
    }
    answer["missing_change"] = answer["missing"] - _share(before.missing, before.n)
    answer["unseen"] = _share(now.unseen, now.n)
    answer["invalid"] = _share(now.invalid, now.n)
    answer["outside"] = _share(now.outside, now.n)
    if now.n < minimum_n or before.n == 0:
        asked = f"drift needs {number(minimum_n)}" if before.n else "no reference"
        answer["sentence"] = f"{number(now.n)} rows; {asked}."
        return answer, []
    rules = [_missing(part, now, before), *_misfits(name, part, now, before)]
    if now.present >= minimum_n and before.present and len(now.bins) > 1:
        rules.append(_shape(answer, part, now, before))
    return answer, rules


def _shape(
    answer: dict[str, Any],
    part: Mapping[str, Any],
    now: FeatureCounts,
    before: FeatureCounts,
) -> _Rule:
    ours, theirs = (coarse(part, counts.bins) for counts in (now, before))
    answer["psi"] = unbiased_psi(ours, theirs)
    answer["p"] = same_distribution(ours, theirs)
    ordered = "edges" in part
    apart = kolmogorov_smirnov if ordered else largest_difference
    answer["ks"] = apart(now.bins, before.bins)
    sizes = {"psi": answer["psi"]} | ({"ks": answer["ks"]} if ordered else {})
    beyond = {name: size for name, size in sizes.items() if size > _usual(part, name)}
    psi, ks = beyond.get("psi", 0.0), beyond.get("ks", 0.0)
    state = "ok"
    if psi >= PSI_WARN:
        state = "warn"
    if psi >= PSI_ALERT or ks >= KS_ALERT:
        state = "alert"
    text = shapes.told(part, now=now.bins, before=before.bins)
    return _Rule("distribution", sizes, answer["p"], state, text)


def coarse(part: Mapping[str, Any], bins: np.ndarray) -> np.ndarray:
    """Decile bins out of the fine ones; categories as they are."""
    if "deciles" not in part:
        return bins
    starts = np.r_[0, np.asarray(part["deciles"], dtype=int) + 1]
    return np.add.reduceat(bins, starts)


def _usual(part: Mapping[str, Any], measured: str) -> float:
    """How large it is on ordinary days; 0 where nobody knows."""
    return float(part["usual"].get(measured, 0.0))


def _missing(
    part: Mapping[str, Any], now: FeatureCounts, before: FeatureCounts
) -> _Rule:
    share, was = _share(now.missing, now.n), _share(before.missing, before.n)
    p = same_distribution(
        [now.missing, now.n - now.missing], [before.missing, before.n - before.missing]
    )
    word = "rose" if share > was else "fell"
    text = f"missing values {word} from {_percent(was)} to {_percent(share)}"
    sizes = {"missing_change": abs(share - was)}
    return _Rule("missing", sizes, p, _by_share(part, sizes, share=share), text)


def _misfits(
    name: str, part: Mapping[str, Any], now: FeatureCounts, before: FeatureCounts
) -> list[_Rule]:
    """Values the reference has no place for: more of them than it had itself."""
    rules = []
    if part.get("truncated") is False:
        text = "of the rows hold a category never seen before"
        rules.append(_more("unseen", part, now, before, text))
    if "range" in part:
        text = f"of the rows have a {name} that is no number"
        rules.append(_more("invalid", part, now, before, text))
    if span := seen(part):
        low, high = span
        text = f"of the rows lie outside {number(low)} to {number(high)}"
        rules.append(_more("outside", part, now, before, text))
    return rules


def _more(
    rule: str,
    part: Mapping[str, Any],
    now: FeatureCounts,
    before: FeatureCounts,
    text: str,
) -> _Rule:
    """One-sided: whether the share rose, by Fisher's exact (hypergeometric) tail."""
    ours, n, theirs, m = getattr(now, rule), now.n, getattr(before, rule), before.n
    if rule == "outside":
        # A sample's own extremes are passed by 2 in m + 1 rows of the same distribution.
        n, theirs, m = now.present, max(theirs, 2), before.present + 1
    share, was = _share(ours, n), _share(theirs, m)
    p = fisher(ours, n, theirs, m) if share > was else 1.0
    sizes = {rule: max(share - was, 0.0)}
    state = _by_share(part, sizes, share=share)
    return _Rule(rule, sizes, p, state, f"{_percent(share)} {text}")


def _by_share(
    part: Mapping[str, Any], sizes: Mapping[str, float], *, share: float
) -> str:
    """By how far it is beyond ordinary days; and whatever they were like, where hardly
    a row is as it was. All of a cold day may lie outside of the range, though."""
    ((measure, size),) = sizes.items()
    is_gone = share >= NEARLY_ALL and measure != "outside"
    is_beyond = size > _usual(part, measure)
    if size >= SHARE_ALERT and (is_beyond or is_gone):
        return "alert"
    return "warn" if size >= SHARE_WARN and is_beyond else "ok"


def _judged(answer: dict[str, Any], rules: list[_Rule], beyond: str) -> dict[str, Any]:
    """`beyond`: what else is said of a change."""
    if not rules:
        return answer | {"state": "insufficient", "fired": []}
    for rule in rules:
        if rule.name == "distribution":
            answer["p"] = rule.adjusted
    fired = [rule for rule in rules if rule.fired != "ok"]
    fired.sort(key=lambda rule: -STATES.index(rule.fired))
    state = fired[0].fired if fired else "ok"
    sentence = "; ".join(rule.text for rule in fired) or "no drift"
    rows = f"{number(answer['n'])} rows{beyond if fired else ''}"
    return answer | {
        "state": state,
        "fired": [rule.name for rule in fired],
        "sentence": f"{sentence[0].upper()}{sentence[1:]} ({rows}).",
    }


def _rank(answer: Mapping[str, Any]) -> int:
    return STATES.index(answer["state"])


def _size(answer: Mapping[str, Any]) -> float:
    return max(
        answer["psi"] or 0.0,
        abs(answer["missing_change"]),
        answer["unseen"],
        answer["outside"],
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    """
    >>> _percent(0.0834)
    '8.3 %'
    """
    return f"{share * 100:.1f} %"
