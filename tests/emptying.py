"""What a test has committed is deleted after it, row by row.

Django's flush truncates every table, which costs PostgreSQL fifty times as much as to
delete the few rows that a test writes, and then makes content types and permissions
anew, which costs as much again on any database.
"""

from typing import Any

from django.db import connections, transaction

# Made by `migrate`, and written by no test.
KEPT = {"django_content_type", "auth_permission"}
# Bytes. What is deleted or rolled back is read over by every query until a vacuum comes:
# of what has grown to this PostgreSQL makes a new file after all.
GROWN = 1 << 22


def empty(database: str) -> None:
    """No row is left in any other table, whoever is still writing one."""
    connection = connections[database]
    introspection, quoted = connection.introspection, connection.ops.quote_name
    names = introspection.django_table_names(only_existing=True, include_views=False)
    names = [name for name in names if name not in KEPT]
    tables = [quoted(name) for name in names]
    with transaction.atomic(using=database), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # SQLite has one writer in any case
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relname = ANY(%s) "
                "AND relkind = 'r' AND pg_relation_size(oid) > %s",
                [names, GROWN],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"TRUNCATE {quoted(name)} CASCADE")
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT {place} WHERE EXISTS (SELECT 1 FROM {table})"
                for place, table in enumerate(tables)
            )
        )
        for (place,) in cursor.fetchall():
            # Foreign keys are looked at when all is gone.
            cursor.execute(f"DELETE FROM {tables[place]}")


def fixture_teardown(case: Any) -> None:
    """Stands for that of Django's TransactionTestCase."""
    for database in case._databases_names(include_mirrors=False):
        empty(database)
