"""What every command shares: a database that is not ready is told with its cure."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from registry.sending import without_broker


class HouseCommand(BaseCommand):
    requires_system_checks: list[str] = []  # the build's business: two seconds a call

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            with without_broker():
                return super().execute(*args, **options)
        except DatabaseError as error:
            raise CommandError(why(error)) from error


def why(error: DatabaseError) -> str:
    """What is wrong with the database, in a sentence."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        pending = []
    if not pending:
        return f"The database does not do it: {error}"
    return (
        f"{len(pending)} migrations are not applied to the database: run `manage.py "
        "migrate`, or start everything with `manage.py up`."
    )
