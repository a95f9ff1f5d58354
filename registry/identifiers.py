"""Identifiers: time-ordered UUIDs, and one spelling of an entity."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from registry.errors import FieldError, InvalidInput


def uuid7(at: datetime) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7) whose 48-bit milliseconds are `at`.

    >>> from datetime import UTC
    >>> uuid7(datetime(2024, 1, 1, tzinfo=UTC)).version
    7
    """
    milliseconds = int(at.timestamp() * 1000) & (2**48 - 1)
    random = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64
    value |= 0b10 << 62 | random & (2**62 - 1)
    return UUID(int=value)


def first_uuid7(at: datetime) -> UUID:
    """No UUIDv7 made at this moment or later is less: where a range of ids begins.

    >>> from datetime import UTC
    >>> moment = datetime(2024, 1, 1, tzinfo=UTC)
    >>> first_uuid7(moment) <= uuid7(moment)
    True
    >>> first_uuid7(datetime(1926, 1, 1, tzinfo=UTC)).int  # before there were any
    0
    """
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


LONGEST_ENTITY = 300  # characters of a key


def sent_key(columns: Sequence[str], value: object, *, blank: bool = False) -> str:
    """The one spelling of an entity that a client sent, who may send anything. `blank`:
    whether a part may be: facts are keyed by what is not there too.

    >>> sent_key(["date", "flight"], {"flight": 1545, "date": "2013-02-14"})
    '["2013-02-14","1545"]'
    """
    if isinstance(value, Mapping):
        for name, part in value.items():
            if part is not None:  # else `canonical_key` says that it is missing
                _check_part(f"entity.{name}", part, blank=blank)
    else:
        _check_part("entity", value, blank=blank)
    key = canonical_key(columns, value)
    if len(key) > LONGEST_ENTITY:
        raise _refused("entity", f"Write at most {LONGEST_ENTITY} characters.")
    return key


def canonical_key(columns: Sequence[str], value: object) -> str:
    """One spelling of an entity: the bare text for one column, else compact JSON of
    the values in the order of `columns`. Numbers and their texts are the same key.

    >>> canonical_key(["customer"], "C12")
    'C12'
    >>> canonical_key(["customer"], {"customer": 12})
    '12'
    >>> canonical_key(["date", "flight"], {"flight": 1545, "date": "2013-02-14"})
    '["2013-02-14","1545"]'
    """
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in columns]
        missing = [name for name in columns if value.get(name) is None]
        if unknown or missing:
            raise _refused("entity", f"Give exactly {', '.join(columns)}.")
        parts = [_text(value[name]) for name in columns]
    elif len(columns) <= 1:
        parts = [_text(value)]
    else:
        raise _refused("entity", f"Give an object with {', '.join(columns)}.")
    if len(parts) == 1:
        return parts[0]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def entity_parts(columns: Sequence[str], key: str) -> dict[str, str]:
    """What a canonical key says of each column.

    >>> entity_parts(["date", "flight"], '["2013-02-14","1545"]')
    {'date': '2013-02-14', 'flight': '1545'}
    """
    parts = [key] if len(columns) == 1 else json.loads(key)
    return dict(zip(columns, parts, strict=True))


def entity_told(columns: Sequence[str], key: str) -> str | dict[str, str]:
    """A canonical key as clients write it, so that what is told may be sent back: the
    bare text, or an object of several columns.

    >>> entity_told(["customer"], "C12")
    'C12'
    >>> entity_told(["date", "flight"], '["2013-02-14","1545"]')
    {'date': '2013-02-14', 'flight': '1545'}
    """
    if len(columns) <= 1:
        return key
    try:
        return entity_parts(columns, key)
    except (ValueError, TypeError):  # of a time when the entity had other columns
        return key


def _check_part(place: str, part: object, *, blank: bool) -> None:
    if not isinstance(part, str | int | float):
        raise _refused(place, "Write a string or a number.")
    if not blank and not str(part).strip():
        raise _refused(place, "It is empty: write a string or a number.")


def _refused(place: str, message: str) -> InvalidInput:
    return InvalidInput(f"{place}: {message}", errors=[FieldError(place, message)])


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
