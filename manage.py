#!/usr/bin/env python
"""Every command of mlsystem starts here."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlsystem.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            f"{error}. Is the virtual environment active? `make demo` makes one; "
            "then start with .venv/bin/python manage.py."
        ) from error
    from mlsystem.env import SettingError

    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.stderr.write(f"mlsystem cannot start:\n{error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
