"""Judging a rollout, over REST: live, candidate and baseline side by side."""

from rest_framework import serializers

from monitoring.judging.comparison import compare_rollout
from monitoring.monitor.api import Number
from registry.clock import now as clock_now
from registry.web.api import ProjectApi, Request, Response, allow, operation
from serving.rollout import of_project


class ComparisonOutput(serializers.Serializer):
    since = serializers.DateTimeField()
    metric = serializers.CharField()
    judged_on = serializers.CharField()
    models = serializers.ListField(child=serializers.DictField())
    verdict = serializers.CharField()
    text = serializers.CharField()
    needs = serializers.IntegerField(required=False)
    difference = Number(
        required=False,
        help_text="Gained a prediction over live's of the same hours, or days.",
    )
    sample_ratio = serializers.DictField(required=False, allow_null=True)
    guardrails = serializers.ListField(child=serializers.DictField(), required=False)


class ComparisonApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation(
        "Live, candidate and baseline side by side since the rollout began.",
        output=ComparisonOutput,
        errors=(409,),
    )
    def get(self, request: Request, project: str) -> Response:
        self.query()
        return self.answer(compare_rollout(of_project(self.project), now=clock_now()))
