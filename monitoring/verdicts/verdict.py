"""The verdict on a project, the first thing its owner reads. Pure.

Every sentence carries its unit, and says "sure" only where an interval leaves out zero.
"""

from dataclasses import dataclass, replace
from datetime import date

from monitoring.verdicts.terms import (
    Gain,
    Terms,
    amount,
    counted,
    day,
    difference,
    reach,
)

PRODUCTION, TESTED = "In production", "On the sealed test"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A tone (good, warning, bad, unknown), the sentence, and what it rests on."""

    tone: str
    sentence: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a verdict is made of. `production` and `tested` compare the live version
    with the baseline; None where that cannot be said."""

    terms: Terms
    live: str  # "Version 2"
    is_baseline: bool = False
    baseline_for_all: bool = False
    gone: bool = False  # the live version's file is not there
    stand_in: str = ""  # who answers where it cannot be loaded: "version 1"
    value: float | None = None  # of the live version, in production
    n: int = 0
    production: Gain | None = None
    tested: Gain | None = None
    answers: int = 0  # of the last weeks
    candidate: str = ""  # "version 3 on 10 % is being tried"
    waiting: int | None = None  # a version that passed the gate and was never tried


def verdict(case: Case, *, today: date) -> Verdict:
    """What the owner reads first; what waits for somebody comes last."""
    found = _worth_of_live(case, today=today)
    if case.waiting is None or case.baseline_for_all:
        return found
    waits = f"Version {case.waiting} passed the gate and waits for its rollout."
    return replace(found, detail=f"{found.detail} {waits}".strip())


def _worth_of_live(case: Case, *, today: date) -> Verdict:
    if case.baseline_for_all:
        return Verdict(
            tone="warning",
            sentence="Everyone gets the baseline, until somebody resumes.",
            detail=_worth(case),
        )
    if case.gone:
        then = f"answers with {case.stand_in}" if case.stand_in else "cannot answer"
        return Verdict(
            tone="bad",
            sentence=f"{case.live} cannot be loaded any more: its file is gone.",
            detail=f"Each process that starts anew {then}. Put the file back, or change "
            "the rollout.",
        )
    if case.is_baseline:
        next_ = "a run may find better"
        if case.waiting is not None:
            next_ = "a better one is ready"
        if case.candidate:
            next_ = case.candidate
        return Verdict(
            tone="unknown",
            sentence=f"{case.live}, the baseline, answers: {next_}.",
            detail=_worth(case),
        )
    production, tested = case.production, case.tested
    if production is not None and production.sure:
        return _measured(case, production, where=PRODUCTION, today=today)
    if tested is not None and tested.sure:
        return _measured(case, tested, where=TESTED, today=today)
    return _unsure(case)


def _measured(case: Case, gain: Gain, *, where: str, today: date) -> Verdict:
    words = difference(case.live, case.terms, gain.value, rival="the baseline")
    since = (
        f"; sure since {day(gain.since, today=today)}" if gain.since else " for sure"
    )
    rests = f"{where}: {reach(case.terms, gain)}."
    tone = "bad" if gain.worse else "good"
    if where != PRODUCTION:
        rests = f"{rests} {_production(case)}"
        contrary = case.production is not None and case.production.value < 0
        tone = "warning" if gain.better and contrary else tone
    elif gain.worse:
        rests = f"{rests} Roll it back, or give everyone the baseline."
    return Verdict(tone=tone, sentence=f"{words}{since}.", detail=rests)


def _production(case: Case) -> str:
    """What production adds to a verdict of the sealed test."""
    gain, terms = case.production, case.terms
    if gain is not None and gain.value >= 0:
        return f"Production agrees so far: {reach(terms, gain)}."
    if gain is not None:
        return f"Production does not show it yet: {reach(terms, gain)}."
    if case.value is None:
        return "Production has no truth to compare by yet."
    return f"{_worth(case)} The baseline answers nobody now, so it is not compared."


def _unsure(case: Case) -> Verdict:
    gain = case.production or case.tested
    if gain is None:
        tail = "needs truth before anything can be said of it"
        words = _worth(case) or f"{counted(case.answers, 'answer')} in four weeks."
        return Verdict(
            tone="unknown", sentence=f"{case.live} answers; it {tail}.", detail=words
        )
    where = PRODUCTION if case.production else TESTED
    seems = difference(case.live, case.terms, gain.value, rival="the baseline")
    return Verdict(
        tone="warning",
        sentence=f"{seems}, but that may be chance.",
        detail=f"{where}: {reach(case.terms, gain)}.",
    )


def _worth(case: Case) -> str:
    if case.value is None:
        return ""
    shown = amount(case.terms, case.value)
    return f"{case.terms.goal} in production: {shown} ({counted(case.n, case.terms.noun)})."


def version_words(
    terms: Terms,
    *,
    number: int,
    state: str,
    is_baseline: bool,
    gain: Gain | None,
    refused: str = "",
    value: float | None = None,
) -> tuple[str, str]:
    """(tone, sentence) on one version: what it is worth, or why it is not used."""
    name = f"Version {number}"
    if state == "rejected":
        return "bad", f"{name} was rejected. {refused}".strip()
    if is_baseline:
        worth = f": {amount(terms, value)}" if value is not None else ""
        goal = terms.goal[:1].lower() + terms.goal[1:] if worth else "what"
        return "unknown", (
            f"{name} is the baseline{f', {goal}{worth}' if worth else ''}: every model "
            "has to beat it."
        )
    if gain is None:
        return "unknown", f"{name} has not been held against the baseline yet."
    return tested_words(name, terms, gain)


def tested_words(name: str, terms: Terms, gain: Gain) -> tuple[str, str]:
    """(tone, sentence) on what the sealed test gave over the baseline."""
    words = difference(name, terms, gain.value, rival="the baseline")
    if gain.better:
        return "good", f"{words} on the sealed test, for sure."
    if gain.worse:
        return "bad", f"{words} on the sealed test, for sure."
    return "warning", f"{words} on the sealed test, but that may be chance."
