"""Logging: one line per record, no secret in it, no line that a stranger could forge."""

import logging
import re
import time
from typing import Any

# What may never reach a log: our keys, bearer tokens, credentials in URLs,
# and values written after a telling name.
SECRETS = (
    (re.compile(r"\b(mls_\w{8})\w+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]+"), r"\1 …"),
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), r"\1:…@"),
    (
        re.compile(
            r"(?i)(password|passwd|secret|token|api[-_]?key|sessionid|csrftoken)"
            r"(['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&]+"
        ),
        r"\1\2…",
    ),
)
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def without_secrets(text: str) -> str:
    """The text with keys, tokens and passwords cut out.

    >>> without_secrets("redis://:hunter2@broker/0 token=abc")
    'redis://:…@broker/0 token=…'
    """
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


def on_one_line(text: str) -> str:
    """The text with control characters written out.

    >>> on_one_line("a" + chr(10) + "b" + chr(27))
    'a\\\\nb\\\\x1b'
    """
    return CONTROL.sub(
        lambda found: NAMES.get(found[0], f"\\x{ord(found[0]):02x}"), text
    )


class LineFormatter(logging.Formatter):
    """`2026-03-01T09:30:00.123Z WARNING serving.frontend message`, always one line."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    converter = time.gmtime  # type: ignore[assignment]  # the stub names the default

    def format(self, record: logging.LogRecord) -> str:
        return on_one_line(without_secrets(super().format(record)))


class TracebackFormatter(LineFormatter):
    """For DEBUG: the traceback keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(logging.Formatter.format(self, record))


def configuration(*, debug: bool) -> dict[str, Any]:
    """The LOGGING dictionary: everything to stderr, through one formatter."""
    formatter = "TracebackFormatter" if debug else "LineFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": f"mlsystem.logs.{formatter}",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django's own handlers would print twice, or mail tracebacks.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # One line a 4xx would let a stranger fill the disk.
            "django.request": {"level": "ERROR"},
            # Every tick would say that it came and that it went.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }
