"""The leaderboard: every version on the sealed test, the baseline always among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from monitoring.owner.evidence import gain_on_test
from monitoring.verdicts.terms import Gain, Terms, counted
from monitoring.verdicts.verdict import tested_words
from monitoring.versions.tested import Tested, numbers_of
from registry.models import ModelVersion, Project, Trial
from serving.models import Rollout

State = ModelVersion.State
SHOWN: Mapping[str, tuple[str, ...]] = {
    "used": (State.BUILT, State.WAITING, State.ACCEPTED),
    "rejected": (State.REJECTED,),
    "archived": (State.ARCHIVED,),
    "all": tuple(State.values),
}
WORDS = {"used": "In use", "rejected": "Rejected", "archived": "Archived", "all": "All"}
MOST = 200
HEAVY = ("golden", "fields", "features", "card", "environment", "proof")
ROLES = {"live": "live", "candidate": "candidate", "baseline": "baseline"}
ROLES |= {"goes_back_to": "rollback target"}


@dataclass(frozen=True, kw_only=True)
class Row:
    version: ModelVersion
    roles: Sequence[str]
    test: Mapping[str, Any]
    dataset: int | None
    gain: Gain | None
    place: Mapping[str, float] | None  # of the interval, in percent of the drawing


def roles_of(rollout: Rollout | None, key: int) -> list[str]:
    if rollout is None:
        return []
    doing = {name: getattr(rollout, name) for name in ROLES}
    return [
        words for name, words in ROLES.items() if doing[name] and doing[name].pk == key
    ]


def board(
    project: Project,
    rollout: Rollout | None,
    *,
    show: str,
    newest: bool,
    before: int | None,
    terms: Terms,
) -> tuple[list[Row], int | None]:
    """The best first, or the newest; untested ones come last. Of many versions, those
    numbered below `before`, and the number below which there are more."""
    tested = numbers_of(project)
    found = project.versions.filter(state__in=SHOWN[show]).defer(*HEAVY)
    if before is not None:
        found = found.filter(number__lt=before)
    versions = list(found[: MOST + 1])
    older = versions[MOST - 1].number if len(versions) > MOST else None
    versions = versions[:MOST]
    if rollout and all(v.pk != rollout.baseline_id for v in versions):
        versions.append(rollout.baseline)
    for version in versions:
        version.project = project
    span = _span(versions, tested, terms)
    rows = [_row(v, rollout, tested.get(v.pk), span, terms) for v in versions]
    if newest:
        return sorted(rows, key=lambda row: -row.version.number), older
    return sorted(rows, key=lambda row: _rank(row, terms)), older


def _row(
    version: ModelVersion,
    rollout: Rollout | None,
    tested: Tested | None,
    span: tuple[float, float] | None,
    terms: Terms,
) -> Row:
    test = tested.of(terms.metric.key) if tested else {}
    gain = None
    if rollout and version.pk != rollout.baseline_id:
        gain = gain_on_test(version, rollout.baseline)
    return Row(
        version=version,
        roles=roles_of(rollout, version.pk),
        test=test,
        dataset=tested.dataset if tested else None,
        gain=gain,
        place=_place(test, span),
    )


def _rank(row: Row, terms: Terms) -> tuple[bool, float, int]:
    value = row.test.get("value")
    if value is None:
        return True, 0.0, -row.version.number
    return False, -terms.metric.gain(value, 0.0), -row.version.number


def _span(
    versions: Sequence[ModelVersion], tested: Mapping[int, Tested], terms: Terms
) -> tuple[float, float] | None:
    """The drawing's ends: whatever an interval reaches."""
    found = [tested[v.pk].of(terms.metric.key) for v in versions if v.pk in tested]
    ends = [part[end] for part in found for end in ("low", "value", "high")
            if part.get(end) is not None]  # fmt: skip
    return (min(ends), max(ends)) if ends and min(ends) < max(ends) else None


def _place(
    test: Mapping[str, Any], span: tuple[float, float] | None
) -> dict[str, float] | None:
    if span is None or test.get("value") is None:
        return None
    low, high = span

    def at(value: float) -> float:
        return round(3 + 94 * (value - low) / (high - low), 2)

    value = at(test["value"])
    known = test.get("low") is not None and test.get("high") is not None
    return {
        "value": value,
        "low": at(test["low"]) if known else value,
        "high": at(test["high"]) if known else value,
    }


def counts(project: Project) -> dict[str, int]:
    """How many versions are in each state."""
    states = project.versions.order_by().values_list("state")
    return dict(states.annotate(n=Count("pk")))


def filters(found: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many versions each filter shows."""
    return [
        {"key": key, "text": WORDS[key], "n": sum(found.get(s, 0) for s in states)}
        for key, states in SHOWN.items()
    ]


def sentence(rollout: Rollout | None, terms: Terms, found: Mapping[str, int]) -> str:
    """What the live version is worth, and whether another one waits for somebody."""
    if rollout is None:
        return "No version answers yet."
    live, baseline = rollout.live, rollout.baseline
    live.project = rollout.project
    said = [f"Version {live.number} is live."]
    if live.pk == baseline.pk:
        said.append("It is the baseline: every model has to beat it.")
    elif gain := gain_on_test(live, baseline):
        said.append(tested_words("It", terms, gain)[1])
    else:
        said.append("It has not been held against the baseline yet.")
    if n := found.get(State.WAITING, 0):
        verb = "waits" if n == 1 else "wait"
        said.append(f"{counted(n, 'version')} {verb} for approval.")
    return " ".join(said)


def tried(project: Project, terms: Terms) -> dict[str, Any] | None:
    """What the last run tried, the best of each family; a mere guess among them."""
    trials = Trial.objects.filter(
        run__project=project, state=Trial.State.FINISHED
    ).select_related("run")
    last = trials.order_by("-run__number").first()
    if last is None:
        return None
    best: dict[str, Trial] = {}
    for trial in trials.filter(run=last.run):
        other = best.get(trial.family)
        if other is None or _beats(trial, other, terms):
            best[trial.family] = trial
    ranked = sorted(best.values(), key=lambda t: -terms.metric.gain(t.score or 0.0, 0))
    return {"run": last.run, "rows": ranked, "n": trials.filter(run=last.run).count()}


def _beats(one: Trial, other: Trial, terms: Terms) -> bool:
    if one.score is None or other.score is None:
        return other.score is None
    return terms.metric.beats(one.score, other.score)
