"""How pages say things: numbers, shares, moments, states."""

from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from registry.clock import now
from registry.written import percent as written_percent
from registry.written import significant, written

register = template.Library()

TONES = {
    "good": ("accepted", "live", "succeeded", "ok", "resolved", "labelled", "better", "matched"),
    "accent": ("running", "queued", "canary", "shadow", "ab", "open", "built", "candidate"),
    "warning": (
        "waiting", "waiting_approval", "pending", "warn", "paused", "held", "disputed",
        "acknowledged", "level", "no_data",
    ),
    "bad": ("rejected", "failed", "firing", "alert", "worse", "breach", "fallback"),
}  # fmt: skip
TONE_OF = {state: tone for tone, states in TONES.items() for state in states}


@register.filter
def num(value: Any, unit: str = "") -> str:
    """Four significant digits, thousands apart, a real minus; a dash for nothing.

    >>> num(12345.678), num(0.84213), num(-3.0), num(0.00001234), num(None)
    ('12\u202f346', '0.8421', '\u22123', '0.00001234', '\u2014')
    """
    if value is None or value == "":
        return "\N{EM DASH}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    large = abs(value) >= 1000
    text = written(f"{value:,.0f}") if large else significant(value, 4)
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


@register.filter
def fixed(value: float | None, digits: int = 2) -> str:
    """So many digits behind the point, a real minus; a dash for nothing.

    >>> fixed(-0.0612), fixed(1), fixed(-0.001), fixed(None)
    ('\u22120.06', '1.00', '0.00', '\u2014')
    """
    return "\N{EM DASH}" if value is None else written(f"{value:,.{digits}f}")


@register.filter
def percent(share: float | None, digits: int = 0) -> str:
    """A share of 0 to 1 as a percentage.

    >>> percent(0.256), percent(-0.0001), percent(None)
    ('26\xa0%', '0\xa0%', '\u2014')
    """
    if share is None:
        return "\N{EM DASH}"
    return written_percent(share, digits)


@register.filter
def lasting(seconds: float | None, before: str = "") -> str:
    """A span of time in its largest unit that tells something.

    >>> lasting(40), lasting(5400), lasting(300000, "within ")
    ('40\xa0s', '1.5\xa0hours', 'within 3.5\xa0days')
    >>> lasting(108000), lasting(365 * 86400)
    ('30\xa0hours', '365\xa0days')
    """
    if seconds is None:
        return "\N{EM DASH}"
    for unit, size, least in (
        ("days", 86400, 2),
        ("hours", 3600, 1.2),
        ("min", 60, 1.2),
    ):
        if (span := seconds / size) >= least:
            told = f"{span:.0f}" if span >= 10 else f"{span:.2g}"
            return f"{before}{told}\N{NO-BREAK SPACE}{unit}"
    return f"{before}{seconds:.0f}\N{NO-BREAK SPACE}s"


def ago(moment: datetime, current: datetime) -> str:
    r"""How long ago, in the largest unit.

    >>> ago(datetime(2026, 9, 25), datetime(2026, 11, 27))
    '2\xa0months ago'
    """
    words = timesince(moment, current, depth=1)
    return "just now" if words.startswith("0") else f"{words} ago"


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """How long ago, or until; the exact moment on hover."""
    if moment is None:
        return "never"
    current = now()
    if moment <= current:
        words = ago(moment, current)
    else:
        words = f"in {timeuntil(moment, current, depth=1)}"
    exact = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, words
    )


@register.filter
def lasted(seconds: float | None) -> str:
    """A time span in the unit that fits.

    >>> lasted(0.42), lasted(12.3), lasted(250), lasted(7300), lasted(None)
    ('0.4\xa0s', '12\xa0s', '4\xa0min 10\xa0s', '2\xa0h 1\xa0min', '\u2014')
    """
    if seconds is None:
        return "\N{EM DASH}"
    if seconds < 60:
        return (
            f"{seconds:.1f}\N{NO-BREAK SPACE}s"
            if seconds < 10
            else f"{seconds:.0f}\N{NO-BREAK SPACE}s"
        )
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}\N{NO-BREAK SPACE}min {rest}\N{NO-BREAK SPACE}s"
    return f"{minutes // 60}\N{NO-BREAK SPACE}h {minutes % 60}\N{NO-BREAK SPACE}min"


@register.filter
def last_line(text: str) -> str:
    """The last line of a traceback says what happened."""
    return (str(text).strip().splitlines() or [""])[-1][:300]


LANE_WORDS = {"good": "in time", "warning": "busy", "bad": "stuck"}


@register.filter
def lane_words(tone: str) -> str:
    """How a lane of jobs is, in a word."""
    return LANE_WORDS.get(tone, tone)


@register.filter
def tone(state: str) -> str:
    """A state's tone: good, accent, warning, bad, or unknown."""
    return TONE_OF.get(str(state), "unknown")


@register.filter
def state_words(state: str) -> str:
    """waiting_approval → waiting approval."""
    return str(state).replace("_", " ")


@register.filter
def may(actor: Any, role: str) -> bool:
    """Whether to show a link or a button: {% if request.actor|may:"owner" %}."""
    return bool(actor) and bool(actor.may(role))


@register.filter
def get(mapping: Any, key: str) -> Any:
    """A value of a mapping whose key is not a name: {{ row|get:column }}."""
    return mapping.get(key) if hasattr(mapping, "get") else None
