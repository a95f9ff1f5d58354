"""Registry: numbers as people read them: a real minus, and thousands apart by a space that
does not break. Pure."""

from decimal import Decimal

MINUS, THIN = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"
GLUE = "\N{NO-BREAK SPACE}"  # between a number and its unit


def written(text: str) -> str:
    r"""What Python wrote of one number, as people read it; what rounds to nothing has no
    sign.

    >>> written(f"{-1234.5:,.1f}"), written(f"{-0.001:.2f}")
    ('\u22121\u202f234.5', '0.00')
    """
    if not text.strip("-0."):
        text = text.removeprefix("-")
    return text.replace("-", MINUS).replace(",", THIN)


def number(value: float) -> str:
    r"""Three significant digits, never an exponent.

    >>> [number(value) for value in (1409, 3.14159, 0.04213, -20, -0.0)]
    ['1\u202f409', '3.14', '0.0421', '\u221220', '0']
    """
    return written(_plain(value))


def _plain(value: float) -> str:
    size = abs(value)
    if size >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    decimals = 2
    while size and size * 10**decimals < 100 and decimals < 10:
        decimals += 1
    shown = f"{value:.{decimals}f}" if size < 10 else f"{value:.1f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def whole(value: int) -> str:
    r"""A count.

    >>> whole(12345)
    '12\u202f345'
    """
    return written(f"{value:,}")


UNDER_ONE = f"<{GLUE}1{GLUE}%"  # a share that is not nothing, and would round to it


def percent(share: float, digits: int = 0) -> str:
    r"""A share of 0 to 1.

    >>> percent(0.256), percent(0.0034, 1), percent(-0.0001)
    ('26\xa0%', '0.3\xa0%', '0\xa0%')
    """
    return f"{written(f'{100 * share:,.{digits}f}')}{GLUE}%"


def latency(us: float) -> str:
    r"""Microseconds, from a thousand on as milliseconds.

    >>> latency(53.42), latency(20_691)
    ('53.4\xa0µs', '20.7\xa0ms')
    """
    if us < 1_000:
        return f"{number(us)}{GLUE}µs"
    return f"{number(us / 1_000)}{GLUE}ms"


def megabytes(size: float) -> str:
    r"""
    >>> megabytes(1026.0)
    '1\u202f026\xa0MB'
    """
    return f"{number(size)}{GLUE}MB"


def four(value: float) -> str:
    r"""Four significant digits, as they come.

    >>> four(-36.5512), four(0.1), four(1301)
    ('\u221236.55', '0.1', '1301')
    """
    return significant(value, 4)


def significant(value: float, digits: int = 6) -> str:
    r"""So many significant digits at most, never an exponent.

    >>> significant(-0.00001), significant(1234567.0), significant(36551.2, 4)
    ('\u22120.00001', '1234570', '36550')
    """
    text = f"{value:.{digits}g}"
    return written(f"{Decimal(text):f}" if "e" in text else text)
