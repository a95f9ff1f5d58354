"""Logs: one line a record, and no secret in it."""

import logging
import sys
from typing import Any

import pytest

from mlsystem import logs


def logged(message: str, *arguments: Any, error: bool = False) -> str:
    info = None
    if error:
        try:
            raise ValueError("password=hunter2")
        except ValueError:
            info = sys.exc_info()
    record = logging.LogRecord("t", logging.INFO, "f", 1, message, arguments, info)
    return logs.LineFormatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    "message",
    [
        "key mls_AbCd1234hunter2hunter2hunter2hunter2",
        "Authorization: Bearer hunter2.hunter2",
        "postgresql://erin:hunter2@db/ml is down",
        "redis://:hunter2@cache",
        "{'password': 'hunter2'}",
        "POST /sign-in?token=hunter2&x=1",
        "X-Api-Key: hunter2",
        "Cookie: sessionid=hunter2; a=b",
    ],
)
def test_no_secret_reaches_the_log(message):
    assert "hunter2" not in logged(message)


def test_a_key_stays_recognisable_in_the_log_by_its_public_part():
    assert "mls_AbCd1234" in logged("mls_AbCd1234hunter2hunter2")


def test_a_record_is_one_line_whatever_a_client_sends():
    line = logged("path %s", "/a\r\nINFO forged \x1b[31m\u2028x")

    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


def test_a_traceback_stays_on_its_records_line_without_its_secret():
    line = logged("Broken.", error=True)

    assert "ValueError" in line
    assert "hunter2" not in line
    assert len(line.splitlines()) == 1
