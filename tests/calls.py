"""REST as a client speaks it: JSON in, JSON out, a key in the header."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client


class Rest:
    """`rest = Rest(project, key)`, then `rest.post("predict", {...})`."""

    def __init__(self, project: Any = None, key: str = "", **headers: str) -> None:
        self.client = Client()
        self.root = f"/api/v1/projects/{project}/" if project else "/api/v1/"
        self.headers = {"X-Api-Key": key, **headers} if key else dict(headers)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.client.get(self._at(path), headers=self.headers | headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self._send("post", path, body, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self._send("patch", path, body, headers)

    def _send(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> HttpResponse:
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return getattr(self.client, method)(
            self._at(path),
            data,
            content_type="application/json",
            headers=self.headers | {k.replace("_", "-"): v for k, v in headers.items()},
        )

    def _at(self, path: str) -> str:
        return path if path.startswith("/") else self.root + path
