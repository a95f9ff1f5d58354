"""Which services this run has, and what is left out without them."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from django.conf import settings

# The headless shell first: the same engine without a desktop's browser round it.
CHROMIUMS = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)
PREFIX = "Left out: needs "
# Fixtures that reach the database; the marker `django_db` counts as well.
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "django_db_setup"}


@dataclass(frozen=True)
class Service:
    name: str
    cure: str
    is_there: bool


def chromium() -> str | None:
    """The path of a Chromium: $CHROMIUM, else the first one on the PATH."""
    return os.environ.get("CHROMIUM") or next(
        (found for name in CHROMIUMS if (found := shutil.which(name))), None
    )


def services() -> dict[str, Service]:
    postgres = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    return {
        "postgres": Service("PostgreSQL", "set DATABASE_URL", postgres),
        "redis": Service("Redis", "set REDIS_URL", not settings.EMBEDDED_BROKER),
        "chromium": Service("Chromium", "install chromium", bool(chromium())),
    }


def required(given: str | None) -> set[str]:
    """What may not be left out: --require, else everything in CI, else nothing."""
    if given is None:
        given = ",".join(services()) if os.environ.get("CI") == "true" else ""
    words = {word.strip() for word in given.split(",") if word.strip()}
    if unknown := words - set(services()):
        raise pytest.UsageError(f"--require knows no {', '.join(sorted(unknown))}.")
    return words


def mark(items: Iterable[pytest.Item], *, needed: set[str]) -> None:
    """Skips what cannot run here, or makes it fail where it must not be left out."""
    there = services()
    for item in items:
        for key, service in there.items():
            if not item.get_closest_marker(f"needs_{key}"):
                continue
            if key != "chromium":
                item.add_marker(pytest.mark.touches_services)
            if service.is_there:
                continue
            reason = f"{service.name} ({service.cure})"
            if key in needed:
                item.add_marker(pytest.mark.missing_service(reason))
            else:
                item.add_marker(pytest.mark.skip(reason=f"{PREFIX}{reason}"))
        if item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.touches_services)


def left_out(reports: Iterable[pytest.TestReport]) -> str:
    """One line about everything that was left out; empty when nothing was."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ").removeprefix(PREFIX)
        for report in reports
        if isinstance(report.longrepr, tuple) and PREFIX in report.longrepr[2]
    )
    if not reasons:
        return ""
    parts = [f"{count} for want of {reason}" for reason, count in reasons.items()]
    return f"Left out: {'; '.join(sorted(parts))}."
