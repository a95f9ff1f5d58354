"""What one method of an endpoint takes and gives: the schema and `self.body()` read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rest_framework.serializers import BaseSerializer, Field, Serializer

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    summary: str
    input: type[Serializer] | None = None
    output: type[BaseSerializer] | None = None
    query: Mapping[str, Field] = field(default_factory=dict)
    status: int = 200
    errors: tuple[int, ...] = ()  # beside those that access, body and parser imply
    paged: bool = False
    many: bool = False
    revision: bool = False  # answers with an ETag, edits need If-Match


def operation(
    summary: str,
    *,
    input: type[Serializer] | None = None,
    output: type[BaseSerializer] | None = None,
    query: Mapping[str, Field] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    paged: bool = False,
    many: bool = False,
    revision: bool = False,
) -> Callable[[Method], Method]:
    """Describe a method: `@operation("List members.", output=Member, paged=True)`.

    `errors` are statuses only the verb can raise (409, 503 …). 400, 401, 403, 404,
    405, 406, 412, 413, 415, 422, 428 and 429 follow from the rest.
    """

    def decorate(method: Method) -> Method:
        method.operation = Operation(  # type: ignore[attr-defined]
            summary=summary,
            input=input,
            output=output,
            query=query or {},
            status=status,
            errors=errors,
            paged=paged,
            many=many,
            revision=revision,
        )
        return method

    return decorate
