"""Registry: tables and queries of existing databases, read and never written, through
Ibis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from registry.definition_parts import Source
from registry.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import pandas as pd


class SourceError(InvalidInput):
    """A source cannot be read as it is declared."""

    title = "A source cannot be read"


def list_tables(source: Source, url: str) -> list[str]:
    """The names of a database's tables and views."""
    from ibis.common.exceptions import IbisError

    connection = _connect(source, url)
    try:
        return sorted(connection.list_tables())
    except (IbisError, *_driver_errors()) as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise SourceError(f"Source {source.name}: {reason}") from error
    finally:
        connection.disconnect()


def read_database(source: Source, url: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    import sqlglot
    from ibis.common.exceptions import IbisError

    connection = _connect(source, url)
    try:
        if source.sql:
            _check_query(source)
            table = connection.sql(source.sql)
            told = {"sql": source.sql}
        else:
            table, told = connection.table(source.table), {"table": source.table}
        frame = table.to_pyarrow().to_pandas()
    except (IbisError, sqlglot.ParseError, *_driver_errors()) as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise SourceError(f"Source {source.name}: {reason}") from error
    finally:
        connection.disconnect()
    return frame, {"database": source.source, **told, "rows_read": len(frame)}


def _check_query(source: Source) -> None:
    import sqlglot

    statements = sqlglot.parse(source.sql)
    if len(statements) != 1 or not isinstance(statements[0], sqlglot.exp.Query):
        raise SourceError(f"Source {source.name}: write one SELECT, nothing else.")


def _connect(source: Source, url: str) -> Any:
    """A connection that cannot write. Errors never show the URL: it has a password."""
    import ibis

    parts = urlsplit(url)
    try:
        if parts.scheme in {"postgres", "postgresql"}:
            return ibis.connect(url, options="-c default_transaction_read_only=on")
        if parts.scheme in {"sqlite", "duckdb"}:
            path = parts.path.removeprefix("/")
            if not Path(path).is_file():
                raise SourceError(f"Source {source.name}: its database is not there.")
            if parts.scheme == "duckdb":
                # Its SQL could otherwise read any file, or an address.
                return ibis.duckdb.connect(
                    path, read_only=True, enable_external_access=False
                )
            connection = ibis.sqlite.connect(path)
            connection.raw_sql("PRAGMA query_only = ON")
            return connection
    except _driver_errors() as error:
        told = f"Source {source.name}: its database does not answer."
        raise Unavailable(told) from error
    raise SourceError(
        f"Source {source.name}: {parts.scheme}:// is not read; write postgresql://, "
        "sqlite:///, duckdb:/// or file://."
    )


def _driver_errors() -> tuple[type[Exception], ...]:
    import sqlite3

    import duckdb
    import psycopg

    return (sqlite3.Error, duckdb.Error, psycopg.Error, OSError)
