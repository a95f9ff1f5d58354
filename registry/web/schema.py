"""OpenAPI of one endpoint, read from its `operation` and `access`, so that what the
schema says is what happens."""

import re
from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.serializers import Field, Serializer

from registry.models.projects import SLUG_PATTERN
from registry.web.access import Rule
from registry.web.fields import OneByOne
from registry.web.operations import Operation
from registry.web.routes import PART
from registry.web.serializers import Moment, StrictSerializer
from registry.web.strict_json import INT64

CONVERTERS: dict[str, dict[str, Any]] = {
    "slug": {"type": "string", "pattern": SLUG_PATTERN},
    "int": {"type": "integer", "minimum": 0, "maximum": INT64[-1]},
    "uuid": {"type": "string", "format": "uuid"},
    "str": {"type": "string", "pattern": r"^[^/\x00-\x1f\x7f]+$"},
}
YEARS = r"^(19\d\d|2[01]\d\d|2200)-"  # as `registry.moments` takes them
NOT_NULL = ["string", "number", "boolean", "object", "array"]
KEYS: tuple[dict[str, list[str]], ...] = ({"key": []}, {"bearer": []})
SESSION: dict[str, list[str]] = {"session": []}
ERRORS = {
    400: "Malformed: the problem names the field and the cure.",
    401: "No key and no session, or a key that is unknown, revoked or expired.",
    403: "The role or the key's scope does not allow it.",
    404: "There is none, or it belongs to a project of others.",
    406: "Accept leaves out what this address answers.",
    409: "The state of the thing does not allow it now.",
    412: "Edited meanwhile: If-Match names an old revision.",
    413: "Too large.",
    415: "A content type that is not read here.",
    422: "This Idempotency-Key was used with another body.",
    428: "If-Match is missing.",
    429: "Too many; Retry-After says when to come back.",
    503: "Busy or down for the moment; Retry-After says when to come back.",
}
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Schema(AutoSchema):
    """drf-spectacular maps serializers; the rest is ours."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        self.registry = registry
        self.path, self.path_regex, self.path_prefix = path, path_regex, path_prefix
        self.method = method.upper()
        handler = getattr(self.view, method.lower())
        about: Operation = handler.operation
        rule: Rule = self.view.access[self.method]  # type: ignore[attr-defined]
        found: dict[str, Any] = {
            "operationId": self._operation_id(),
            "summary": about.summary,
            "tags": [_tag(path)],
            "security": _security(rule),
            "parameters": [
                *_path_parameters(path_regex),
                *self._query_parameters(about),
                *self._headers(about, handler),
            ],
            "responses": self._responses(about, rule, handler),
        }
        if handler.__doc__:
            found["description"] = " ".join(handler.__doc__.split())
        if body := self._body(about):
            found["requestBody"] = body
        return found

    def _operation_id(self) -> str:
        """`GET …/keys/{key}` is get_keys_by_key: as unique as the address."""
        inner = self.path.removeprefix("/api/v1/")
        place = "" if inner != self.path or inner.startswith("/v2") else "house"
        inner = inner.removeprefix("projects/{project}").strip("/") or "project"
        words = inner.replace("{", "by_").replace("}", "")
        parts = [self.method.lower(), place, *re.split(r"[/-]", words)]
        return "_".join(part for part in parts if part)

    def _query_parameters(self, about: Operation) -> Iterator[dict[str, Any]]:
        for name, field in self.view.query_fields(about).items():  # type: ignore[attr-defined]
            schema = self._field(field, name)
            described = {"name": name, "in": "query", "schema": schema}
            if text := schema.pop("description", ""):
                described["description"] = text
            if field.required:
                described["required"] = True
            yield described

    def _field(self, field: Field, name: str = "") -> dict[str, Any]:
        if name:
            field.field_name = name
        schema = self._map_serializer_field(field, "request") or {}
        self._insert_field_validators(field, schema)
        return schema

    def _headers(self, about: Operation, handler: Any) -> Iterator[dict[str, Any]]:
        if getattr(handler, "idempotent", False):
            yield {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and body gives the same answer again.",
                "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,200}$"},
            }
        if about.revision and self.method in WITH_BODY:
            yield {
                "name": "If-Match",
                "in": "header",
                "description": "The ETag of the revision that is edited.",
                "required": 428 in about.errors,
                "schema": {"type": "string"},
            }

    def _body(self, about: Operation) -> dict[str, Any] | None:
        content: dict[str, Any] = {}
        if about.input:
            item = self._ref(about.input, "request")
            several = {
                "type": "array",
                "items": _or_wrong(item),
                "maxItems": about.or_list,
            }
            schema = {"oneOf": [item, several]} if about.or_list else item
            content["application/json"] = {"schema": schema}
        if about.multipart:
            content["multipart/form-data"] = {"schema": dict(about.multipart)}
        if self.method == "POST" and getattr(self.view, "uploads", None) is not None:
            content |= self._upload(about)
        return (
            {"required": self._is_needed(about), "content": content}
            if content
            else None
        )

    def _is_needed(self, about: Operation) -> bool:
        """Whether a body must be sent: none is as good as `{}`."""
        if self.method != "POST" or about.input is None or about.multipart:
            return True
        return any(field.required for field in about.input().fields.values())

    def _upload(self, about: Operation) -> dict[str, Any]:
        binary = {"type": "string", "format": "binary"}
        file = {**binary, "minLength": 1}
        form: dict[str, Any] = {"type": "object", "properties": {"file": file}}
        if about.form:
            for name, field in about.form().fields.items():
                form["properties"][name] = self._field(field, name)
        form |= {"required": ["file"], "additionalProperties": False}
        kinds = {kind: {"schema": binary} for kind in self.view.uploads}  # type: ignore[attr-defined]
        return {"multipart/form-data": {"schema": form}, **kinds}

    def _responses(self, about: Operation, rule: Rule, handler: Any) -> dict[str, Any]:
        good: dict[str, Any] = {"description": about.summary}
        if content := self._content(about):
            good["content"] = content
        if about.revision:
            good["headers"] = {"ETag": {"schema": {"type": "string"}}}
        place = "V2" if self.path.startswith("/v2") else "E"
        return {
            **{
                str(status): {"$ref": f"#/components/responses/{place}{status}"}
                for status in sorted(self._errors(about, rule, handler))
            },
            **{str(status): good for status in (about.status, *about.also)},
            **self._later(about),
        }

    def _later(self, about: Operation) -> dict[str, Any]:
        if about.later is None:
            return {}
        shape = {"schema": self._ref(about.later, "response")}
        told = {
            "description": "Taken in: a job does it.",
            "content": {"application/json": shape},
        }
        return {"202": told}

    def _content(self, about: Operation) -> dict[str, Any]:
        if about.download:
            binary = {"type": "string", "format": "binary"}
            return {
                kind: {"schema": {} if kind.endswith("json") else binary}
                for kind in about.download
            }
        if about.output is None:
            return {}
        if isinstance(about.output, Field):
            schema = self._map_serializer_field(about.output, "response")
        else:
            schema = self._ref(about.output, "response")
        if about.many or about.paged:
            schema = {"type": "array", "items": schema}
        if about.paged:
            schema = {
                "type": "object",
                "properties": {
                    "results": schema,
                    "next": {"type": ["string", "null"], "format": "uri"},
                },
                "required": ["results", "next"],
            }
        return {"application/json": {"schema": schema}}

    def _errors(self, about: Operation, rule: Rule, handler: Any) -> set[int]:
        found = {400, 406, 503, *about.errors}
        if not rule.public:
            found |= {401, 403, 429}
        if "<" in self.path_regex:
            found |= {404}
        if about.input or getattr(self.view, "uploads", None) is not None:
            found |= {413, 415} if self.method in WITH_BODY else set()
        if getattr(handler, "idempotent", False):
            found |= {422}
        if about.revision and self.method in WITH_BODY:
            found |= {412}
        return found

    def _ref(self, serializer: type[Serializer], direction: str) -> dict[str, Any]:
        return self.resolve_serializer(serializer, direction).ref  # type: ignore[arg-type]

    # How serializers are mapped

    def get_serializer_name(self, serializer: Any, direction: str) -> str:
        """`MembersApi.Input` becomes MembersInput: nested classes share their names."""
        parts = type(serializer).__qualname__.split(".")
        return "".join(part.removesuffix("Api") for part in parts)

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema = super()._map_basic_serializer(serializer, direction)
        kind = serializer if isinstance(serializer, type) else type(serializer)
        if direction == "request" and issubclass(kind, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _map_serializer_field(
        self, field: Any, direction: str, bypass_extensions: bool = False
    ) -> dict[str, Any] | None:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        anything = isinstance(field, serializers.JSONField) and schema is not None
        if anything and {} in schema.get("oneOf", ()):
            del schema["oneOf"]  # of anything and null: null would be both
        elif anything and not {"type", "$ref"} & set(schema) and not field.allow_null:
            schema["type"] = NOT_NULL
        if isinstance(field, OneByOne) and schema is not None:
            schema["items"] = _or_wrong(schema["items"])
        return schema

    def _insert_field_validators(self, field: Field, schema: dict[str, Any]) -> None:
        super()._insert_field_validators(field, schema)
        if isinstance(field, serializers.IntegerField):
            schema.setdefault("minimum", INT64[0])
            schema.setdefault("maximum", INT64[-1])
        if isinstance(field, Moment):
            schema["pattern"] = YEARS
        trimmed = isinstance(field, serializers.CharField) and field.trim_whitespace
        if trimmed and schema.get("minLength") == 1:
            schema.setdefault("pattern", r"\S")  # blanks alone are nothing
        if isinstance(field, (serializers.ListField, serializers.ListSerializer)):
            least = getattr(field, "min_length", None) or int(not field.allow_empty)
            if least:
                schema["minItems"] = least
            if most := getattr(field, "max_length", None):
                schema["maxItems"] = most
        if isinstance(field, serializers.DictField) and not field.allow_empty:
            schema["minProperties"] = 1


def _or_wrong(item: dict[str, Any]) -> dict[str, Any]:
    """Whatever an item is, the request is taken; the answer says what was wrong."""
    return {"anyOf": [item, {"description": "Anything else: an error in its place."}]}


def error_responses() -> dict[str, Any]:
    """What every error looks like: E404 for us, V2404 for the inference protocol."""
    shapes = (
        ("E", "application/problem+json", "Problem"),
        ("V2", "application/json", "InferenceError"),
    )
    found: dict[str, Any] = {}
    for place, kind, name in shapes:
        for status, text in ERRORS.items():
            shape = {"schema": {"$ref": f"#/components/schemas/{name}"}}
            described = {"description": text, "content": {kind: shape}}
            if status in {429, 503}:
                described["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
            found[f"{place}{status}"] = described
    return found


def _tag(path: str) -> str:
    """The noun of an address: what stands after the project."""
    parts = [part for part in path.strip("/").split("/") if "{" not in part]
    named = [part for part in parts if part not in {"api", "v1", "projects"}]
    return named[0] if named else "projects"


def _security(rule: Rule) -> list[dict[str, list[str]]]:
    if rule.public:
        return [{}]
    return [*KEYS, SESSION] if rule.scopes else [SESSION]


def _path_parameters(path_regex: str) -> Iterator[dict[str, Any]]:
    for converter, name in PART.findall(path_regex):
        schema = CONVERTERS.get(converter or "str", CONVERTERS["str"])
        yield {"name": name, "in": "path", "required": True, "schema": dict(schema)}
