"""Answers as JSON: fast, and never NaN (a number that is not one becomes null)."""

from decimal import Decimal
from typing import Any

import msgspec
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


class JsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Any = None,
    ) -> bytes:
        if data is None:
            return b""
        return msgspec.json.encode(data, enc_hook=as_json)


def as_json(value: Any) -> Any:
    """What msgspec does not know by itself."""
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, (str, Decimal)):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form.")
