"""Real processes for the tests: children that share the test's database."""

import os
import subprocess
import sys
from urllib.parse import quote

from django.conf import settings
from django.db import connection


def child_environment(**more: str) -> dict[str, str]:
    """The environment in which a child process finds this test's database and files."""
    environment = {**os.environ, "DATA_DIR": str(settings.DATA_DIR), **more}
    environment["DATABASE_URL"] = _database_url()
    environment["DJANGO_SETTINGS_MODULE"] = "mlsystem.settings"
    environment.setdefault("SECRET_KEY", settings.SECRET_KEY)
    return environment


def _database_url() -> str:
    chosen = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{chosen['NAME']}"
    who = quote(chosen["USER"])
    if chosen["PASSWORD"]:
        who += f":{quote(chosen['PASSWORD'])}"
    return (
        f"postgres://{who}@{chosen['HOST']}:{chosen['PORT'] or 5432}/{chosen['NAME']}"
    )


def start_python(code: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """A Python child with Django set up that runs `code`; its output is piped."""
    program = f"import django; django.setup()\n{code}"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=child_environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end_of(child: subprocess.Popen[str]) -> str:
    """Wait for a child (ten minutes at most) and return what it said."""
    output, _ = child.communicate(timeout=600)
    return output
