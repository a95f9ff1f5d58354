"""A message that offers to take back what it tells of."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

MARK = "undo:"


def offer(request: HttpRequest, text: str, *, action: str, **fields: Any) -> None:
    """Say what was done, with a button that posts `fields` to `action`."""
    told = MARK + json.dumps({"action": action, "fields": fields})
    messages.success(request, text, extra_tags=told)


def offered(message: Any) -> dict[str, Any] | None:
    """What a message offers to take back: {"action", "fields"}, or None."""
    tags = message.extra_tags or ""
    return json.loads(tags.removeprefix(MARK)) if tags.startswith(MARK) else None
