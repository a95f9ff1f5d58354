"""Fields whose type is another in every project: `/api/schema?project=p` fills them."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

ANY_INPUT = {
    "type": ["object", "string", "number", "boolean"],
    "description": "An object of the project's fields, or its one value.",
}
ANY_TRUTH = {
    "type": ["string", "number", "boolean", "array"],
    "items": {"type": "string"},
}
ANY_ENTITY = {"type": ["string", "number", "boolean", "object"]}


@extend_schema_field(ANY_INPUT, component_name="ProjectInput")
class InputField(serializers.JSONField):
    """An input: checked by the project's schema, not here."""


@extend_schema_field(ANY_INPUT, component_name="ProjectExample")
class ExampleField(serializers.JSONField):
    """What a labeller sees: the next version learns from it."""


@extend_schema_field(ANY_TRUTH, component_name="ProjectTruth")
class TruthField(serializers.JSONField):
    """A truth: a class or a number; `allow_null` where there may be none yet."""


@extend_schema_field(ANY_ENTITY, component_name="ProjectEntity")
class EntityField(serializers.JSONField):
    """An entity: a string, or an object where it has several columns."""


class OneByOne(serializers.ListField):
    """A list whose wrong items are errors in their places, not a refused request."""
