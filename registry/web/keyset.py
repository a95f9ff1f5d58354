"""Pages by keyset: page 1000 costs what page 1 costs, and no row is shown twice."""

import json
from collections.abc import Callable
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.serializers import Field

from registry.errors import FieldError, InvalidInput

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
Order = str | tuple[str, ...]


def page(
    queryset: QuerySet[Any],
    request: Request | HttpRequest,
    *,
    order: Order = "-id",
    limit: int | None = None,
) -> dict[str, Any]:
    """`{"results": rows, "next": url or None}` by `?limit=&cursor=`.

    The last column of `order` must be unique and none of them null.
    """
    columns = (order,) if isinstance(order, str) else order
    size = limit or read_limit(request)
    signer = _signer(request, columns)
    rows = queryset.order_by(*columns)
    if cursor := request.GET.get("cursor"):
        rows = rows.filter(_after(columns, _open(cursor, signer, len(columns))))
    found = list(rows[: size + 1])
    following = None
    if len(found) > size:
        found = found[:size]
        following = _address(request, _seal(found[-1], columns, signer))
    return {"results": found, "next": following}


def page_among(
    queryset: QuerySet[Any],
    request: Request | HttpRequest,
    *,
    among: QuerySet[Any],
    most: int,
    limit: int | None = None,
) -> dict[str, Any]:
    """The same by `-id`, for what no index finds: looked for in `most` rows of `among`
    and no more. `stopped` says that there are others, and `next` goes on with them."""
    columns = ("-id",)
    signer, rest = _signer(request, columns), among.order_by(*columns)
    if cursor := request.GET.get("cursor"):
        rest = rest.filter(_after(columns, _open(cursor, signer, 1)))
    edge = list(rest.values("id")[most - 1 : most + 1])  # the last one, and if more
    if len(edge) < 2:
        return {**page(queryset, request, limit=limit), "stopped": False}
    found = page(queryset.filter(id__gte=edge[0]["id"]), request, limit=limit)
    following = found["next"] or _address(request, _seal(edge[0], columns, signer))
    return {**found, "next": following, "stopped": not found["next"]}


def page_of(
    read: Callable[[Any, int], list[dict[str, Any]]],
    request: Request | HttpRequest,
    *,
    order: str,
) -> dict[str, Any]:
    """The same for rows of a file: `read(after, n)` gives up to n rows whose `order` is
    greater than `after`, from the first where that is None."""
    size = read_limit(request)
    signer = _signer(request, (order,))
    cursor = request.GET.get("cursor")
    found = read(_open(cursor, signer, 1)[0] if cursor else None, size + 1)
    following = None
    if len(found) > size:
        found = found[:size]
        following = _address(request, _seal(found[-1], (order,), signer))
    return {"results": found, "next": following}


def parameters() -> dict[str, Field]:
    """The two query parameters of every list."""
    return {
        "limit": serializers.IntegerField(
            required=False, min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT
        ),
        "cursor": serializers.CharField(required=False, max_length=2000),
    }


def read_limit(request: Request | HttpRequest) -> int:
    text = request.GET.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and len(text) < 6:
        limit = int(text)
        if 1 <= limit <= MAX_LIMIT:
            return limit
    message = f"Write a whole number from 1 to {MAX_LIMIT}."
    raise InvalidInput(f"limit: {message}", errors=[FieldError("limit", message)])


def _signer(request: Request | HttpRequest, columns: tuple[str, ...]) -> Signer:
    return Signer(salt=f"keyset:{request.path}:{','.join(columns)}")


def _after(columns: tuple[str, ...], values: list[Any]) -> Q:
    """Rows behind `values`: a > x, or a = x and b > y, … each in its direction."""
    condition = Q()
    same: dict[str, Any] = {}
    for column, value in zip(columns, values, strict=True):
        name = column.removeprefix("-")
        way = "lt" if column.startswith("-") else "gt"
        condition |= Q(**same, **{f"{name}__{way}": value})
        same[name] = value
    return condition


def _seal(row: Any, columns: tuple[str, ...], signer: Signer) -> str:
    values = [_value(row, column.removeprefix("-")) for column in columns]
    return signer.sign_object(values, compress=False)


def _value(row: Any, name: str) -> Any:
    value = row[name] if isinstance(row, dict) else getattr(row, name)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _open(cursor: str, signer: Signer, width: int) -> list[Any]:
    try:
        values = signer.unsign_object(cursor)
    except (BadSignature, ValueError, json.JSONDecodeError) as error:
        raise _wrong(
            "Not a cursor of this list; take it from `next` as it is."
        ) from error
    if not isinstance(values, list) or len(values) != width:
        raise _wrong("From an older version; start at the first page.")
    return values


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(f"cursor: {message}", errors=[FieldError("cursor", message)])


def _address(request: Request | HttpRequest, cursor: str) -> str:
    query = request.GET.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
