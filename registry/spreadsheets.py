"""Registry: what goes out as CSV and is opened in a spreadsheet does nothing there."""

from typing import TypeVar

Cell = TypeVar("Cell")
# What a spreadsheet would take for a formula (OWASP: CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: Cell) -> Cell | str:
    """Text that would start a formula gets a quote in front; numbers stay numbers.

    >>> harmless("=1+1"), harmless("one"), harmless(-1.5)
    ("'=1+1", 'one', -1.5)
    """
    if isinstance(cell, str) and cell.startswith(FORMULA):
        return f"'{cell}"
    return cell
