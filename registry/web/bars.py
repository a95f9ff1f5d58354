"""Small bars of a column's profile: plain numbers for an SVG of 120 × 28. Pure."""

from collections.abc import Mapping
from typing import Any

from registry.written import four, percent

WIDTH, HEIGHT, GAP = 120.0, 28.0, 1.0
SHOWN = 12  # categories with a bar of their own


def of_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    r"""`{"bars": [{x, y, width, height}], "words"}`; no bars where nothing is counted.

    >>> of_figures({"top": [["a", 3], ["b", 1]], "other": 0})["words"]
    'a 75\xa0%, b 25\xa0%'
    """
    histogram = (
        figures.get("histogram") or figures.get("length", {}).get("histogram") or {}
    )
    if counts := histogram.get("counts"):
        return {"bars": _bars(counts), "words": _span(histogram["edges"], counts)}
    if top := figures.get("top"):
        other = figures.get("other", 0) + sum(n for _, n in top[SHOWN:])
        counts = [n for _, n in top[:SHOWN]] + ([other] if other else [])
        return {"bars": _bars(counts), "words": _shares(top[:SHOWN], sum(counts))}
    return {"bars": [], "words": ""}


def _bars(counts: list[int]) -> list[dict[str, float]]:
    highest = max(counts) or 1
    width = WIDTH / max(len(counts), 4)
    return [
        {
            "x": round(place * width, 2),
            "y": round(HEIGHT - _height(count, highest), 2),
            "width": round(max(width - GAP, 0.5), 2),
            "height": round(_height(count, highest), 2),
        }
        for place, count in enumerate(counts)
    ]


def _height(count: int, highest: int) -> float:
    """One row is still to be seen."""
    return max(HEIGHT * count / highest, 1.0) if count else 0.0


def _span(edges: list[float], counts: list[int]) -> str:
    most = counts.index(max(counts))
    return (
        f"From {four(edges[0])} to {four(edges[-1])}, most between {four(edges[most])} "
        f"and {four(edges[most + 1])}"
    )


def _shares(top: list[list[Any]], total: int) -> str:
    return ", ".join(f"{value} {percent(n / total)}" for value, n in top[:5])
