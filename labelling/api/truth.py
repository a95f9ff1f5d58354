"""Component 1, Ground-truth Collector, over REST: truth and outcomes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from labelling.collector import outcomes
from labelling.collector.truth import LARGEST_BATCH, record_one_truth, record_truth
from labelling.models import GroundTruth
from registry.clock import now as clock_now
from registry.errors import InvalidInput
from registry.identifiers import entity_told
from registry.web.api import (
    Moment,
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.fields import EntityField, TruthField

RULES = {"GET": allow("owner", "truth"), "POST": allow("owner", "truth")}


class ItemError(serializers.Serializer):
    index = serializers.IntegerField()
    message = serializers.CharField()


class TruthItem(StrictSerializer):
    """By prediction, else reference, else entity; without `observed_at` it is now. Null
    is as good as left out, but for the value."""

    prediction = serializers.UUIDField(required=False, allow_null=True)
    reference = serializers.CharField(required=False, allow_null=True, max_length=200)
    entity = EntityField(required=False, allow_null=True)
    at = Moment(
        required=False,
        allow_null=True,
        help_text="The moment predicted for, of an entity.",
    )
    value = TruthField()
    observed_at = Moment(required=False, allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["outcome", "feedback", "import"],
        required=False,
        allow_null=True,
        default="outcome",
    )


class TruthRow(serializers.ModelSerializer):
    key = serializers.SerializerMethodField(
        help_text="A prediction's id, a reference, an entity as it may be sent."
    )
    value = TruthField(allow_null=True, help_text="Null where it is taken back.")
    by = serializers.CharField(
        source="author.username",
        default=None,
        allow_null=True,
        help_text="The expert; null of what came in otherwise.",
    )

    class Meta:
        model = GroundTruth
        fields = [
            "id", "key_kind", "key", "at", "value", "retracted", "source", "version",
            "state", "observed_at", "received_at", "by", "confidence",
        ]  # fmt: skip

    @extend_schema_field({"type": ["string", "object"]})
    def get_key(self, row: GroundTruth) -> str | dict[str, str]:
        if row.key_kind != GroundTruth.KeyKind.ENTITY:
            return row.key
        return entity_told(self.context["project"].entity, row.key)


class TruthApi(ProjectApi):
    access = RULES

    class Output(serializers.Serializer):
        accepted = serializers.IntegerField()
        duplicates = serializers.IntegerField()
        waiting = serializers.IntegerField(
            help_text="Of the accepted: their prediction is not known yet."
        )
        errors = ItemError(many=True)  # type: ignore[assignment]

    @operation(
        "List what was said, the newest first.",
        output=TruthRow,
        paged=True,
        query={
            "state": serializers.ChoiceField(GroundTruth.State.choices, required=False)
        },
    )
    def get(self, request: Request, project: str) -> Response:
        rows = GroundTruth.objects.filter(project=self.project).select_related("author")
        if state := self.query().get("state"):
            rows = rows.filter(state=state)
        return self.page(rows, order="-id")

    @operation(
        "Say what was really the case.",
        input=TruthItem,
        or_list=LARGEST_BATCH,
        output=Output,
        status=202,
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """One truth, or a list in which a bad item is an error in its place. Truth
        before its prediction waits for it; said twice it counts once; a later
        observation of the same key corrects it."""
        said: Any = request.data
        about: dict[str, Any] = {
            "project": self.project,
            "actor": self.actor,
            "now": clock_now(),
        }
        if isinstance(said, list):
            summary = record_truth(items=said, **about)
        else:
            summary = record_one_truth(item=said, **about)
        # Stored in pieces; a retry in between finds the first ones as duplicates.
        self.remember(202, summary.as_json())
        return Response(summary.as_json(), status=202)


class OutcomeItem(StrictSerializer):
    """Of a user (the sticky key of a prediction) or of one prediction; the other one
    is null or left out."""

    user = serializers.CharField(
        required=False, allow_null=True, max_length=outcomes.LONGEST_UNIT
    )
    prediction = serializers.UUIDField(required=False, allow_null=True)
    metric = serializers.CharField(max_length=outcomes.LONGEST_METRIC)
    value = serializers.FloatField()
    at = Moment()


class OutcomesApi(ProjectApi):
    access = {"POST": RULES["POST"]}

    class Output(serializers.Serializer):
        accepted = serializers.IntegerField()
        duplicates = serializers.IntegerField()
        errors = ItemError(many=True)  # type: ignore[assignment]

    @operation(
        "Send application metrics: orders, revenue, retention.",
        input=OutcomeItem,
        or_list=LARGEST_BATCH,
        output=Output,
        status=202,
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:
        """One, or a list. What is the same in everything counts once."""
        said, now = request.data, clock_now()
        errors: list[dict[str, Any]] = []
        if isinstance(said, list):
            stored, errors = outcomes.record_outcomes(
                project=self.project, items=said, now=now
            )
        elif isinstance(said, dict):
            stored = outcomes.record_one_outcome(
                project=self.project, item=said, now=now
            )
        else:
            raise InvalidInput("Send a JSON object, or a list of them.")
        answer = {
            "accepted": stored.accepted,
            "duplicates": stored.duplicates,
            "errors": errors,
        }
        self.remember(202, answer)
        return Response(answer, status=202)
