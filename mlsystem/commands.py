"""Commands whose exit code a machine reads: 0, 1 rejected, 2 whatever went wrong."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from registry.commands import why
from registry.errors import DomainError
from registry.sending import without_broker

logger = logging.getLogger(__name__)

ACCEPTED, REJECTED, FAILED = 0, 1, 2


class Verdict(BaseCommand):
    """`act` answers the exit code; every kind of error is 2, told in a sentence."""

    requires_system_checks: list[str] = []

    def act(self, **options: Any) -> int:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        code = self._acted(options)
        if code:
            raise SystemExit(code)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            with without_broker():
                return super().execute(*args, **options)
        except CommandError as error:
            self._tell(str(error))
            raise SystemExit(FAILED) from None

    def _acted(self, options: dict[str, Any]) -> int:
        try:
            return self.act(**options)
        except DomainError as error:
            self._tell(error.detail)
            for wrong in error.errors:
                self.stderr.write(f"  {wrong.field}: {wrong.message}")
        except OSError as error:
            self._tell(f"{error.strerror or error}: {error.filename or ''}")
        except DatabaseError as error:
            self._tell(why(error))
        except KeyboardInterrupt:
            self._tell("Interrupted.")
        except CommandError:
            raise
        except Exception as error:  # a machine waits for the exit code, not a traceback
            logger.exception("the command failed")
            self._tell(f"{type(error).__name__}: {error}")
        return FAILED

    def _tell(self, text: str) -> None:
        self.stderr.write(self.style.ERROR(text.strip()))
