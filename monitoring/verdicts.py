"""The owner's sentences: what the numbers of a project mean, in plain words.

Pure: numbers, dates and names in, sentences out. Every sentence carries its unit, and
says "sure" only where an interval leaves out zero.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from monitoring.evaluator.sentences import number
from registry.catalogue import Metric

MINUS, THIN = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
PRODUCTION, TESTED = "In production", "On the sealed test"
UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How one project speaks: its goal, its money, its unit, what an answer is about."""

    metric: Metric
    money: str = ""
    target_unit: str = ""
    noun: str = "prediction"

    @property
    def unit(self) -> str:
        """The unit of the goal, as written behind a number."""
        return {"money": self.money, "target": self.target_unit}.get(
            self.metric.unit, ""
        )

    @property
    def goal(self) -> str:
        """The goal's name: "Cost a customer", "ROC AUC"."""
        if self.metric.key == "cost":
            return f"Cost a {self.noun}"
        return self.metric.label


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much better than a rival, in the goal's unit: above 0 is better."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    since: date | None = None  # from this day on it was sure, at every look

    @property
    def sure(self) -> bool:
        """Better or worse, and no accident."""
        return self.better or self.worse

    @property
    def better(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def worse(self) -> bool:
        return self.high is not None and self.high < 0


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
    value: float | None = None  # of the live version, in production
    n: int = 0
    production: Gain | None = None
    tested: Gain | None = None
    answers: int = 0  # of the last weeks


def verdict(case: Case, *, today: date) -> Verdict:
    """What the owner reads first."""
    if case.baseline_for_all:
        return Verdict(
            tone="warning",
            sentence="Everyone gets the baseline, until somebody resumes.",
            detail=_worth(case),
        )
    if case.is_baseline:
        return Verdict(
            tone="unknown",
            sentence=f"{case.live}, the baseline, answers: a run may find better.",
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
    return f"{case.terms.goal} in production: {shown} ({_rows(case.terms, case.n)})."


def difference(ours: str, terms: Terms, gain: float, *, rival: str) -> str:
    """A comparison as a clause.

    >>> from registry.catalogue import METRICS
    >>> money = Terms(metric=METRICS["cost"], money="USD", noun="customer")
    >>> difference("Version 2", money, 7.7, rival="the rule")
    'Version 2 costs 7.7 USD a customer less than the rule'
    >>> difference("Version 2", Terms(metric=METRICS["roc_auc"]), -0.05, rival="it")
    "Version 2's ROC AUC is 0.05 lower than it's"
    """
    metric, size = terms.metric, amount(terms, abs(gain))
    if not gain:
        return f"{ours} does as well as {rival}"
    if metric.key == "cost":
        less = "less" if gain > 0 else "more"
        return f"{ours} costs {size} a {terms.noun} {less} than {rival}"
    if metric.key == "mae":
        less = "less" if gain > 0 else "more"
        return f"{ours} is off by {size} {less} than {rival}"
    label = metric.label if metric.label[:2].isupper() else metric.label.lower()
    if metric.best_at_zero:
        word = "nearer to 0" if gain > 0 else "farther from 0"
    else:
        word = "higher" if (gain > 0) == metric.larger_is_better else "lower"
    return f"{ours}'s {label} is {size} {word} than {rival}'s"


def amount(terms: Terms, value: float) -> str:
    """A value of the goal with its unit: "7.7 USD"."""
    return f"{said(value)} {terms.unit}".strip()


def said(value: float) -> str:
    """A number as people read it, with a real minus and spaces that do not break."""
    return number(value).replace("-", MINUS).replace(" ", THIN)


def reach(terms: Terms, gain: Gain) -> str:
    r"""A gain with its interval and n, the unit once.

    >>> from registry.catalogue import METRICS
    >>> money = Terms(metric=METRICS["cost"], money="USD", noun="customer")
    >>> reach(money, Gain(value=7.7, low=4.31, high=11.4, n=1026))
    '7.7 USD better (4.31 to 11.4), 1\u202f026 customers'
    """
    side = "better" if gain.value >= 0 else "worse"
    words = f"{amount(terms, abs(gain.value))} {side}"
    if gain.low is not None and gain.high is not None:
        low, high = gain.low, gain.high
        if gain.value < 0:
            low, high = -high, -low
        words = f"{words} ({said(low)} to {said(high)})"
    return f"{words}, {_rows(terms, gain.n)}"


def _rows(terms: Terms, n: int) -> str:
    return counted(n, terms.noun)


def counted(n: int, noun: str) -> str:
    r"""
    >>> counted(1, "answer"), counted(1200, "answer")
    ('1 answer', '1\u202f200 answers')
    """
    return f"{said(n)} {noun}{'' if n == 1 else 's'}"


def day(moment: date, *, today: date) -> str:
    """A day as people say it: today, yesterday, Tuesday, 12 October, with the year
    where it is another one.

    >>> day(date(2026, 10, 12), today=date(2026, 11, 27))
    '12 October'
    >>> day(date(2026, 11, 24), today=date(2026, 11, 27))
    'Tuesday'
    """
    ago = (today - moment).days
    if 0 <= ago < 2:
        return ("today", "yesterday")[ago]
    if 0 <= ago < 7:
        return f"{moment:%A}"
    words = f"{moment.day} {MONTHS[moment.month - 1]}"
    return words if moment.year == today.year else f"{words} {moment.year}"


def lasting(span: timedelta | float) -> str:
    """A span in its largest unit.

    >>> lasting(timedelta(days=30)), lasting(5400), lasting(0.2)
    ('30 days', '2 hours', 'under a second')
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    for unit, size in UNITS:
        if seconds >= size:
            return counted(int(seconds / size + 0.5), unit)
    return "under a second"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A candidate on its way, as the rollout card tells it."""

    number: int
    mode: str  # shadow, canary, ab
    state: str  # running, paused, held
    percent: float
    since: date | None
    verdict: str  # the comparison's: breach, hold, wait, worse, better, level
    needed: int | None = None  # truths until it is sure
    noun: str = "answer"


def on_its_way(way: Way, *, today: date) -> str:
    """One sentence: how far, since when, and what has to happen next.

    >>> way = Way(number=3, mode="canary", state="running", percent=10, since=None,
    ...           verdict="wait", needed=212)
    >>> on_its_way(way, today=date(2026, 11, 27))
    'Version 3 gets 10 %, holding: needs 212 more answers with truth to be sure.'
    """
    since = f" since {day(way.since, today=today)}" if way.since else ""
    if way.mode == "shadow":
        place = f"Version {way.number} answers in the shadow{since}, nobody sees it"
    else:
        place = f"Version {way.number} gets {way.percent:g} %{since}"
    if way.state == "paused":
        return f"{place}, paused."
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
    if way.needed is None:
        return "holding: the two can hardly be told apart"
    return f"holding: needs {counted(way.needed, 'more answer')} with truth to be sure"


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
        parts.append(f"{said(disputed)} disputed {need} a reviewer")
    done = f" {said(today)} labelled in the last 24 hours." if today else ""
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
    words = difference(name, terms, gain.value, rival="the baseline")
    if gain.better:
        return "good", f"{words} on the sealed test, surely."
    if gain.worse:
        return "bad", f"{words} on the sealed test, surely."
    return "warning", f"{words} on the sealed test, but that may be chance."
