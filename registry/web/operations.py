"""What one method of an endpoint takes and gives: the schema and `self.body()` read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rest_framework.serializers import Field, Serializer

Method = TypeVar("Method", bound=Callable[..., Any])
Output = type[Serializer] | type[Field] | Field | None


@dataclass(frozen=True)
class Operation:
    """See `operation`."""

    summary: str
    input: type[Serializer] | None = None
    output: type[Serializer] | Field | None = None
    query: Mapping[str, Field] = field(default_factory=dict)
    status: int = 200
    errors: tuple[int, ...] = ()
    also: tuple[int, ...] = ()
    paged: bool = False
    many: bool = False
    or_list: int = 0
    revision: bool = False
    form: type[Serializer] | None = None
    download: tuple[str, ...] = ()
    later: type[Serializer] | None = None
    multipart: Mapping[str, Any] | None = None
    creates: bool = True


def operation(
    summary: str,
    *,
    input: type[Serializer] | None = None,
    output: Output = None,
    query: Mapping[str, Field] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    also: tuple[int, ...] = (),
    paged: bool = False,
    many: bool = False,
    or_list: int = 0,
    revision: bool = False,
    form: type[Serializer] | None = None,
    download: tuple[str, ...] = (),
    later: type[Serializer] | None = None,
    multipart: Mapping[str, Any] | None = None,
    creates: bool = True,
) -> Callable[[Method], Method]:
    """Describe a method: `@operation("List members.", output=Member, paged=True)`.

    - `input`: what `self.body()` checks. `or_list=n`: the body may also be a list of up
      to n of them; then read `self.request.data` yourself.
    - `output`: a serializer class, or a field such as `DictField()` for a free shape;
      `many`: a bare list of it; `paged`: `{"results", "next"}` from `self.page`.
    - `query`: parameters by name, read by `self.query()`.
    - `errors`: statuses only the verb can raise (409, …). 400, 401, 403, 404, 406, 412,
      413, 415, 422, 429 and 503 follow from the rest. 428 makes If-Match required.
    - `also`: further statuses that are answered in the shape of `output`.
    - `revision`: answers carry an ETag; PATCH, PUT and POST read If-Match.
    - `form`: the fields beside the file of an upload (see registry.web.uploads).
    - `download`: media types of a file that is answered instead of JSON.
    - `multipart`: the JSON Schema of the same request as a form.
    - `creates=False`: a POST that writes no row; every other one is `@idempotent`.
    - `later`: what 202 answers where the work is left to a job; see `self.answer_later`.
    """

    if isinstance(output, type) and not issubclass(output, Serializer):
        output = output()  # a field without arguments

    def decorate(method: Method) -> Method:
        method.operation = Operation(  # type: ignore[attr-defined]
            summary=summary,
            input=input,
            output=output,
            query=query or {},
            status=status,
            errors=errors,
            also=also,
            paged=paged,
            many=many,
            or_list=or_list,
            revision=revision,
            form=form,
            download=download,
            later=later,
            multipart=multipart,
            creates=creates,
        )
        return method

    return decorate
