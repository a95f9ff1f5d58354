"""The digits example: which digit a scan shows; images, and people who read them.

The scans are scikit-learn's digits, 8 × 8 greys, made into PNG here. They have no dates
and no order: by hash, two tenths are a labelled beginning, three tenths wait for people
to read them, and the rest is only ever met in production.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from registry.definitions import Project, png, share

BRIGHTEST = 16  # of the data's greys
BEGINNING, POOL, PRODUCTION = "beginning", "pool", "production"


def part_of(scan: str) -> str:
    """What a scan is for."""
    place = int(share(scan, "part") * 10)
    return BEGINNING if place < 2 else POOL if place < 5 else PRODUCTION


@cache
def scans() -> tuple[dict[str, Any], ...]:
    """Every scan with its name, its image in base64, and its digit."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return tuple(
        {"scan": f"S{number}", "image": png(_greys(image)), "digit": str(digit)}
        for number, (image, digit) in enumerate(
            zip(found.images, found.target, strict=True), start=1
        )
    )


def _greys(image: Any) -> list[list[int]]:
    """Dark ink on white paper, as a scan is."""
    return [[255 - int(grey * 255 / BRIGHTEST) for grey in row] for row in image]


def beginning() -> Iterator[dict[str, Any]]:
    return (row for row in scans() if part_of(row["scan"]) == BEGINNING)


digits = Project(
    "digits",
    name="Digits",
    description="Which digit a scan shows.",
    task="multiclass",
    target="digit",
    classes=[str(digit) for digit in range(10)],
    entity="scan",
    silence="unknown",  # most scans are never read by anybody
    metric="log_loss",
)
digits.source("scans", rows=beginning)
digits.field("image", kind="image", required=True)
digits.card("image")
digits.baseline("how often", "majority")
