"""The rollout over REST: every edit names the revision it edits."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from registry import plans
from registry.api.project_fields import PlanStep
from registry.errors import FieldError, Forbidden, InvalidInput
from registry.models import ModelVersion
from registry.web import etag
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
from serving import rollout, rollout_rules
from serving.model_server import states
from serving.models import Rollout

Verb = Callable[..., Rollout]


class Target(StrictSerializer):
    """Who gets what before the share is asked; the first that matches wins."""

    to = serializers.ChoiceField(["candidate", "live"])
    users = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False
    )
    attribute = serializers.CharField(max_length=100, required=False)
    percent = serializers.FloatField(min_value=0, max_value=100, required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        values = serializers.ListField(child=serializers.JSONField(), required=False)
        return {**super().get_fields(), "in": values}


class Broken(serializers.Serializer):
    model = serializers.IntegerField()
    reason = serializers.CharField()


class RolloutOutput(serializers.Serializer):
    live = serializers.IntegerField(source="live.number")
    baseline = serializers.IntegerField(source="baseline.number")
    previous = serializers.IntegerField(source="previous.number", allow_null=True)
    candidate = serializers.IntegerField(source="candidate.number", allow_null=True)
    shadows = serializers.SerializerMethodField()
    mode = serializers.ChoiceField(Rollout.Mode.values)
    state = serializers.ChoiceField(Rollout.State.values)
    held_because = serializers.CharField(allow_blank=True)
    baseline_for_all = serializers.BooleanField()
    percent = serializers.FloatField()
    targets = Target(many=True)
    plan = PlanStep(many=True)
    step = serializers.IntegerField()
    step_since = Moment(allow_null=True)
    started_at = Moment(allow_null=True)
    updated_at = Moment()
    revision = serializers.IntegerField()
    degraded = serializers.SerializerMethodField()

    def get_shadows(self, row: Rollout) -> list[int]:
        numbers = row.shadows.order_by("number").values_list("number", flat=True)
        return list(numbers)

    def get_degraded(self, row: Rollout) -> list[dict[str, Any]]:
        """Versions that should serve and could not be loaded, and why."""
        found = states.broken(row.project)
        return [{"model": number, "reason": why} for number, why in found.items()]


class EventOutput(serializers.Serializer):
    at = Moment()
    action = serializers.CharField()
    author = serializers.CharField(source="author_name")
    reason = serializers.CharField(allow_blank=True)
    revision = serializers.IntegerField()
    live = serializers.IntegerField()
    baseline = serializers.IntegerField()
    candidate = serializers.IntegerField(allow_null=True)
    mode = serializers.CharField()
    state = serializers.CharField()
    percent = serializers.FloatField()
    baseline_for_all = serializers.BooleanField()
    numbers = serializers.DictField()


class Reason(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


CHANGES: dict[str, Verb] = {
    "percent": rollout.set_percent,
    "targets": rollout.set_targets,
    "plan": rollout.set_plan,
}


class Edits(ProjectApi):
    """What edits of the rollout share: the revision they name, and their answer."""

    def edited(self, verb: Verb, **given: Any) -> Response:
        row = rollout.of_project(self.project)
        etag.require(self.request, row.revision)
        return self.answer(
            verb(rollout=row, by=self.actor, revision=row.revision, **given)
        )

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Here, so that an answer given again from memory has its ETag as well."""
        response = super().finalize_response(request, response, *args, **kwargs)
        told = response.data
        if isinstance(told, dict) and "revision" in told:
            response.headers["ETag"] = etag.of(told["revision"])
        return response


class RolloutApi(Edits):
    access = {
        "GET": allow("viewer", "read"),
        "POST": allow("admin", "manage"),
        "PATCH": allow("admin", "manage"),
    }

    class Start(Reason):
        candidate = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
        mode = serializers.ChoiceField(["shadow", "canary", "ab"])
        percent = serializers.FloatField(required=False, min_value=0, max_value=100)
        targets = Target(  # type: ignore[call-arg]
            many=True, required=False, max_length=rollout_rules.MAX_TARGETS
        )
        plan = PlanStep(many=True, required=False, max_length=plans.MAX_STEPS)  # type: ignore[call-arg]

    class Change(Reason):
        percent = serializers.FloatField(required=False, min_value=0, max_value=100)
        targets = Target(  # type: ignore[call-arg]
            many=True, required=False, max_length=rollout_rules.MAX_TARGETS
        )
        plan = PlanStep(many=True, required=False, max_length=plans.MAX_STEPS)  # type: ignore[call-arg]

    @operation(
        "Read who serves whom.", output=RolloutOutput, revision=True, errors=(409,)
    )
    def get(self, request: Request, project: str) -> Response:
        return self.answer(rollout.of_project(self.project))

    @operation(
        "Begin a rollout: shadow, canary or A/B.",
        input=Start,
        output=RolloutOutput,
        revision=True,
        errors=(409, 422, 428),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """Without `percent`, the share is that of the plan's first step."""
        given = self.body()
        number = given.pop("candidate")
        version = ModelVersion.objects.filter(
            project=self.project, number=number
        ).first()
        if version is None:
            told = f"There is no version {number}."
            raise InvalidInput(told, errors=[FieldError("candidate", told)])
        return self.edited(rollout.start, candidate=version, **given)

    @operation(
        "Change the canary's share, its targets or its plan.",
        input=Change,
        output=RolloutOutput,
        revision=True,
        errors=(409, 428),
    )
    def patch(self, request: Request, project: str) -> Response:
        """One of the three at a time: each is a change with a reason of its own."""
        given = self.body()
        named = [name for name in CHANGES if name in given]
        if len(named) != 1:
            told = f"Name one of {', '.join(CHANGES)}."
            raise InvalidInput(told, errors=[FieldError("percent", told)])
        return self.edited(CHANGES[named[0]], **given)


class PauseApi(Edits):
    access = {"POST": allow("admin", "manage")}

    @operation(
        "Pause: everybody gets live.",
        input=Reason,
        output=RolloutOutput,
        revision=True,
        errors=(409, 428),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """Who gets the candidate does not change over a pause."""
        return self.edited(rollout.pause, **self.body())


class ResumeApi(Edits):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Resume; also ends baseline for everyone.",
        input=Reason,
        output=RolloutOutput,
        revision=True,
        errors=(409, 428),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """An owner ends baseline for everyone; a paused candidate needs an admin."""
        row = rollout.of_project(self.project)
        if row.state in {"paused", "held"} and not self.actor.may("admin"):
            raise Forbidden("This needs the role admin: a candidate would go on.")
        return self.edited(rollout.resume, **self.body())


class PromoteApi(Edits):
    access = {"POST": allow("admin", "manage")}

    @operation(
        "Make the candidate live.",
        input=Reason,
        output=RolloutOutput,
        revision=True,
        errors=(409, 428),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        return self.edited(rollout.promote, **self.body())


class RollbackApi(Edits):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "End the candidate; without one, swap live and the version before.",
        input=Reason,
        output=RolloutOutput,
        revision=True,
        errors=(409, 428),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        return self.edited(rollout.rollback, **self.body())


class BaselineApi(Edits):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Give everyone the baseline, at once.",
        input=Reason,
        output=RolloutOutput,
        revision=True,
        errors=(409, 428),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        return self.edited(rollout.baseline_for_all, **self.body())


class RolloutEventsApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation("List every change, newest first.", output=EventOutput, paged=True)
    def get(self, request: Request, project: str) -> Response:
        self.query()
        return self.page(self.project.rollout_events.all(), order="-id")
