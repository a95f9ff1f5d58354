"""How a project's sentences speak: terms, numbers with units, days, spans. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from registry.catalogue import Metric
from registry.written import number

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
        return self.metric.unit_in(currency=self.money, target=self.target_unit)

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
    return f"{number(value)} {terms.unit}".strip()


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
        words = f"{words} ({number(low)} to {number(high)})"
    return f"{words}, {counted(gain.n, terms.noun)}"


def counted(n: int, noun: str) -> str:
    r"""
    >>> counted(1, "answer"), counted(1200, "answer")
    ('1 answer', '1\u202f200 answers')
    """
    return f"{number(n)} {noun}{'' if n == 1 else 's'}"


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
