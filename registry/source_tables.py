"""Registry: what a source of the settings holds: tables of a database, files of a folder.
Read and never written, by the same doors as declared sources (registry/sources.py)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from registry import source_databases, sources, tables
from registry.definition_parts import Source
from registry.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd

MOST = 500  # names shown
NOWHERE = Path("/nonexistent")  # a source of the settings never lies beside a module


def names() -> list[dict[str, str]]:
    """The sources of the settings, by name: never their addresses, which hold secrets."""
    return [
        {"name": name, "kind": "folder" if _is_folder(url) else "database"}
        for name, url in settings.SOURCES.items()
    ]


def of(source: str) -> list[str]:
    """The tables of a database, or the files of a folder that can be read."""
    url = _url(source)
    if _is_folder(url):
        return _files(Path(urlsplit(url).path))
    return source_databases.list_tables(Source(source, 0, source=source), url)[:MOST]


def check(*, source: str, table: str) -> None:
    """Refuse what is not there."""
    if table not in of(source):
        raise NotFound(f"{source} has no {table}: choose one from its list.")


def read(*, source: str, table: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of one table, or file."""
    folder = _is_folder(_url(source))
    file, name = (table, "") if folder else ("", table)
    where = Source(source, 0, source=source, file=file, table=name)
    frame, lineage = sources.read(where, folder=NOWHERE)
    tables.check_frame(frame)
    return frame, {"source": source, **lineage}


def _url(source: str) -> str:
    url = settings.SOURCES.get(source)
    if url is None:
        raise NotFound(f"SOURCE_{source.upper()}_URL is not set.")
    return str(url)


def _is_folder(url: str) -> bool:
    return urlsplit(url).scheme == "file"


def _files(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise source_databases.SourceError("Its folder is not there.")
    found = [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and tables.is_readable(path.name)
    ]
    return found[:MOST]
