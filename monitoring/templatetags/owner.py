"""How the owner's pages say things: three digits, units, signs, changes."""

from decimal import Decimal
from typing import Any

from django import template

from registry.written import latency as written_latency
from registry.written import number

register = template.Library()

DASH = "\N{EM DASH}"


def _is_number(value: Any) -> bool:
    """What a template finds missing is an empty string."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


@register.filter
def said(value: float | None, unit: str = "") -> str:
    """Three significant digits with the unit; a dash for nothing.

    >>> said(41.593, "USD"), said(None)
    ('41.6\\xa0USD', '—')
    """
    if not _is_number(value):
        return DASH
    text = number(float(value))  # type: ignore[arg-type]
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


@register.filter
def latency(us: float | None) -> str:
    """
    >>> latency(53.42), latency(20_691), latency(None)
    ('53.4\\xa0µs', '20.7\\xa0ms', '—')
    """
    return DASH if us is None else written_latency(us)


@register.filter
def signed(value: float | None, unit: str = "") -> str:
    """
    >>> signed(200.1, "USD"), signed(-3.0)
    ('+200\\xa0USD', '−3')
    """
    sign = "+" if _is_number(value) and float(value) > 0 else ""  # type: ignore[arg-type]
    return f"{sign}{said(value, unit)}"


@register.filter
def whole(value: float | None) -> str:
    """A count that was averaged: no digits behind the point from ten on.

    >>> whole(24.71), whole(1.5), whole(None)
    ('25', '1.5', '—')
    """
    if not _is_number(value) or value is None:
        return DASH
    return number(round(value) if value >= 10 else round(value, 1))


@register.filter
def counted(n: int, nouns: str) -> str:
    """
    >>> counted(1, "alert,alerts"), counted(3, "alert,alerts")
    ('1 alert', '3 alerts')
    """
    one, _, many = nouns.partition(",")
    return f"{number(n)} {one if n == 1 else many}"


@register.filter
def change_words(share: float | None) -> str:
    """Against the week before.

    >>> change_words(0.12), change_words(-0.034), change_words(None)
    ('12\\xa0% more than the week before', '3\\xa0% fewer than the week before', 'no week before it')
    """
    if share is None:
        return "no week before it"
    percent = round(100 * abs(share))
    if not percent:
        return "as in the week before"
    more = "more" if share > 0 else "fewer"
    return f"{percent}\N{NO-BREAK SPACE}% {more} than the week before"
