"""Idempotency-Key: the same key and body gives the same answer, another body 422.

The answer is remembered in the row's own commit: either both are there, or neither.
"""

import functools
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.datastructures import MultiValueDict
from rest_framework.request import Request
from rest_framework.response import Response

from registry.errors import (
    Conflict,
    DomainError,
    FieldError,
    InvalidInput,
    Unprocessable,
)
from registry.models import IdempotencyRecord, Project
from registry.web.renderers import as_json

CSRF_FIELD = "csrfmiddlewaretoken"
KEPT = timedelta(hours=24)
WELL_FORMED = re.compile(r"[\x21-\x7e]{1,200}\Z")
Method = TypeVar("Method", bound=Callable[..., Response])


class AlreadyAnswered(Conflict):
    """Another request with the same key committed first; its answer counts."""


class Slot:
    """The place where one request's answer is remembered; inactive without a key."""

    def __init__(self, *, actor: str, route: str, key: str, body_hash: str) -> None:
        self.actor, self.route, self.key = actor, route, key
        self.body_hash = body_hash
        self.stored = False

    @property
    def active(self) -> bool:
        return bool(self.key)

    @property
    def entropy(self) -> str:
        """The same for a retry, for nobody else: secrets are derived from it."""
        if not self.active:
            return ""
        return json.dumps([self.actor, self.route, self.key, self.body_hash])

    def answered(self) -> IdempotencyRecord | None:
        """What was answered before; 422 where the body was another."""
        if not self.active:
            return None
        record = IdempotencyRecord.objects.filter(
            actor=self.actor, route=self.route, key=self.key
        ).first()
        if record and record.body_hash != self.body_hash:
            raise Unprocessable(
                "This Idempotency-Key was used with another body. Use a new key for a "
                "new request."
            )
        return record

    def store(self, *, project: Project | None, status: int, answer: Any) -> None:
        """Remember, inside the transaction that writes the row."""
        self.stored = True
        if not self.active:
            return
        try:
            with transaction.atomic():
                IdempotencyRecord.objects.create(
                    project=project,
                    actor=self.actor,
                    route=self.route,
                    key=self.key,
                    body_hash=self.body_hash,
                    status=status,
                    answer=msgspec.to_builtins(answer, enc_hook=as_json),
                )
        except IntegrityError:
            raise AlreadyAnswered("Another request with this key was faster.") from None


def idempotent(
    method: Method | None = None,
    *,
    own_commit: bool = False,
    secret: tuple[str, Callable[[str], str]] | None = None,
) -> Any:
    """For a view's `post`. As `@idempotent`, the whole method is one transaction, so it
    must be short and touch nothing but the database.

    `own_commit=True`: the method calls `self.remember(status, answer)` inside the
    transaction in which it writes its row, and may do slow work before.
    `secret=(field, derive)`: that field of the answer is never stored, only whether it
    was there; a retry gets `derive(self.slot.entropy)`, from which the method must
    have made it too.
    """

    def decorate(inner: Method) -> Method:
        @functools.wraps(inner)
        def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            self.slot = slot = slot_of(self, request)
            if record := slot.answered():
                return _again(record, slot, secret)
            try:
                if own_commit:
                    return _own_commit(self, inner, request, *args, **kwargs)
                with transaction.atomic():
                    if slot.active and slot.answered():  # while we waited for the lock
                        raise AlreadyAnswered("Another request was faster.")
                    response = inner(self, request, *args, **kwargs)
                    if response.status_code < 400:
                        answer = _without(response.data, secret)
                        self.remember(response.status_code, answer)
                    return response
            except (DomainError, IntegrityError):
                # Not remembered, unless its twin has won: then both get that answer.
                if winner := slot.answered():
                    return _again(winner, slot, secret)
                raise

        wrapper.idempotent = True  # type: ignore[attr-defined]
        return wrapper  # type: ignore[return-value]

    return decorate if method is None else decorate(method)


def _own_commit(
    view: Any, inner: Callable[..., Response], request: Request, *args: Any, **kw: Any
) -> Response:
    response = inner(view, request, *args, **kw)
    if response.status_code < 400 and not view.slot.stored:
        raise TypeError(f"{inner.__qualname__} did not call self.remember().")
    return response


def slot_of(view: Any, request: Request) -> Slot:
    key = request.headers.get("Idempotency-Key", "")
    if "Idempotency-Key" in request.headers and not WELL_FORMED.match(key):
        message = "Write 1 to 200 visible ASCII characters."
        raise InvalidInput(
            f"Idempotency-Key: {message}",
            errors=[FieldError("Idempotency-Key", message)],
        )
    return Slot(
        actor=view.actor.identity,
        route=f"{request.method} {request.path_info.rstrip('/')}"[:200],
        key=key,
        body_hash=_hash(request) if key else "",
    )


def _hash(request: Request) -> str:
    """Of the meaning: key order and white space do not make another body."""
    data = request.data
    if isinstance(data, MultiValueDict):  # a form; its CSRF token is no part of it
        data = {name: data.getlist(name) for name in data if name != CSRF_FIELD}
    text = json.dumps(data, sort_keys=True, default=_of_file)
    query = request.META.get("QUERY_STRING", "")
    return sha256(f"{query}\n{text}".encode()).hexdigest()


def _of_file(value: Any) -> str:
    """The content of a file: an Upload knows its own, one in a form is read."""
    if not isinstance(value, UploadedFile):
        return str(value.sha256)
    digest = sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return digest.hexdigest()


def _without(answer: Any, secret: tuple[str, Any] | None) -> Any:
    if secret is None:
        return answer
    return {**answer, secret[0]: answer[secret[0]] is not None}


def _again(
    record: IdempotencyRecord,
    slot: Slot,
    secret: tuple[str, Callable[[str], str]] | None,
) -> Response:
    answer = record.answer
    if secret:
        name, derive = secret
        answer = {**answer, name: derive(slot.entropy) if answer[name] else None}
    return Response(
        answer, status=record.status, headers={"Idempotency-Replayed": "true"}
    )


def prune(*, now: datetime) -> int:
    """Forget answers older than a day; called by the tick."""
    return IdempotencyRecord.objects.filter(created_at__lt=now - KEPT).delete()[0]
