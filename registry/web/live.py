"""Parts of pages that ask for themselves again: 304 as long as nothing is new."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render


def tag(*shown: Any) -> str:
    """The ETag of what a part shows; clocks, which tick in the browser, are no part.

    >>> tag("run", 1) == tag("run", 1) != tag("run", 2)
    True
    """
    text = json.dumps(shown, sort_keys=True, default=str)
    return f'"{sha256(text.encode()).hexdigest()[:20]}"'


def answer(
    request: HttpRequest,
    *,
    page: str,
    part: str,
    etag: str,
    context: Mapping[str, Any],
    status: int = 200,
) -> HttpResponse:
    """The whole page, or to htmx the part alone, if it is another than the client's.

    The part is an element with `id`, `data-etag="{{ etag }}"`, `hx-get` of this address,
    `hx-trigger="every 2s"` and `hx-swap="outerHTML"`; the page loads `js/live.js`.
    """
    htmx = bool(getattr(request, "htmx", False))
    if htmx and request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified()
    shown = {**context, "etag": etag}
    response = render(request, part if htmx else page, shown, status=status)
    if htmx:
        response.headers["ETag"] = etag
    return response
