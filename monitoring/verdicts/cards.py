"""The sentences of the owner's cards: rollout, truth, queue, target, chart. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from monitoring.verdicts.terms import (
    Terms,
    amount,
    counted,
    day,
    lasting,
)
from registry.written import number


@dataclass(frozen=True, kw_only=True)
class Way:
    """A candidate on its way, as the rollout card tells it."""

    number: int
    mode: str  # shadow, canary, ab
    state: str  # running, paused, held
    stopped: bool = False  # nobody gets it until somebody resumes
    percent: float
    since: date | None
    verdict: str  # the comparison's: breach, hold, wait, worse, better, level
    needed: int | None = None  # truths until it is sure
    alike: bool = False  # all answers of each fared alike
    noun: str = "answer"


def on_its_way(way: Way, *, today: date) -> str:
    """One sentence: how far, since when, and what has to happen next.

    >>> way = Way(number=3, mode="canary", state="running", percent=10, since=None,
    ...           verdict="wait", needed=212)
    >>> on_its_way(way, today=date(2026, 11, 27))
    'Version 3 gets 10 %, holding: needs 212 more answers with truth to be sure.'
    """
    if way.mode == "shadow" and way.state == "paused":
        return f"Version {way.number} is asked nothing until somebody resumes."
    if way.mode != "shadow" and way.stopped:
        return (
            f"Version {way.number} answers nobody until somebody resumes, then "
            f"{way.percent:g} % again."
        )
    since = f" since {day(way.since, today=today)}" if way.since else ""
    if way.mode == "shadow":
        place = f"Version {way.number} answers in the shadow{since}, nobody sees it"
    else:
        place = f"Version {way.number} gets {way.percent:g} %{since}"
    if way.state == "held":
        return f"{place}, held back."
    return f"{place}, {_next(way)}."


def _next(way: Way) -> str:
    told = {
        "breach": "a guardrail is broken: it goes back",
        "hold": "holding: the shares are not what they should be",
        "worse": "surely worse: roll it back",
        "better": "surely better: it may be promoted",
        "level": "surely not worse: it may be promoted",
    }
    if way.verdict in told:
        return told[way.verdict]
    if way.needed is not None:
        more = counted(way.needed, "more answer")
        return f"holding: needs {more} with truth to be sure"
    if way.alike:
        return (
            "holding: all answers of each fared alike, so nobody knows how others will"
        )
    return "holding: the two can hardly be told apart"


def coverage_words(
    coverage: float | None, *, answers: int, horizon: timedelta | None, silent: bool
) -> str:
    """Of how many answers the truth is known, and how long one has to wait for it."""
    if not answers:
        return "Nobody has been answered in the four weeks whose truth can be in."
    known = f"Truth is known of {100 * (coverage or 0.0):.0f} % of the answers"
    if silent and horizon:
        return (
            f"{known} older than {lasting(horizon)}: nothing heard by then counts as "
            "no. Younger ones are still open."
        )
    return f"{known} of the last four weeks."


def delay_words(median: float | None, p90: float | None) -> str:
    """How late truth comes."""
    if median is None or p90 is None:
        return "How late truth comes is not known yet."
    return (
        f"Half of it comes within {lasting(median)}, nine tenths within {lasting(p90)}."
    )


def queue_words(*, waiting: int, disputed: int, today: int) -> str:
    """What waits for people. A gain is claimed nowhere: none has been measured."""
    if not waiting and not disputed:
        return "Nothing waits for a label."
    parts = []
    if waiting:
        wait = "waits" if waiting == 1 else "wait"
        parts.append(f"{counted(waiting, 'example')} {wait} for a label")
    if disputed:
        need = "needs" if disputed == 1 else "need"
        parts.append(f"{number(disputed)} disputed {need} a reviewer")
    done = f" {number(today)} labelled in the last 24 hours." if today else ""
    return "; ".join(parts) + "." + done


def target_words(
    terms: Terms, *, target: float, value: float | None
) -> tuple[str, str]:
    """(tone, sentence) on what the owner aims at."""
    aim = f"The target is {amount(terms, target)}"
    if value is None:
        return "unknown", f"{aim}; there is nothing to hold against it yet."
    gain = terms.metric.gain(value, target)
    if gain >= 0:
        return "good", f"{aim}: reached, with {amount(terms, abs(gain))} to spare."
    return "warning", f"{aim}: missed by {amount(terms, abs(gain))}."


def goal_title(
    terms: Terms, *, number: int, live: float | None, baseline: float | None
) -> str:
    """A chart's title, which says what is to be seen.

    >>> from registry.catalogue import METRICS
    >>> money = Terms(metric=METRICS["cost"], money="USD", noun="customer")
    >>> goal_title(money, number=2, live=41.6, baseline=46.9)
    'Cost a customer is 41.6 USD with version 2, 46.9 USD with the baseline'
    """
    if live is None:
        return f"{terms.goal} over time"
    words = f"{terms.goal} is {amount(terms, live)} with version {number}"
    if baseline is None:
        return words
    return f"{words}, {amount(terms, baseline)} with the baseline"
