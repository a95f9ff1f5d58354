"""REST of component 7: the best servable model in the time given, never later."""

from django.db.models import F
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mlsystem.api.runs import dataset_of, find_run, runs_of
from mlsystem.api.shapes import RunShape, StepShape, TrialShape
from mlsystem.orchestrator import pipeline
from registry.catalogue import ALGORITHMS, METRICS, metrics_for
from registry.clock import now
from registry.errors import FieldError, InvalidInput
from registry.models import ModelVersion, Project, Run, Trial
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

LEADERS = 200  # lines of a leaderboard


class Best(serializers.Serializer):
    """What came out: a registered version, not yet judged on the sealed test."""

    model = serializers.IntegerField(source="number")
    name = serializers.CharField()
    algorithm = serializers.CharField()
    score = serializers.SerializerMethodField()
    latency_us = serializers.FloatField(allow_null=True)
    size_bytes = serializers.IntegerField()

    def get_score(self, version: ModelVersion) -> float | None:
        """Of the build's metric, on validation rows or out of fold."""
        score: float | None = version.card.get("score")
        return score


class Progress(serializers.Serializer):
    phase = serializers.CharField()
    elapsed = serializers.FloatField()
    of = serializers.IntegerField()
    deadline = Moment(allow_null=True)


class BuildDetail(RunShape):
    metric = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    leaderboard = serializers.SerializerMethodField()
    best = serializers.SerializerMethodField()
    steps = StepShape(many=True)

    def get_metric(self, run: Run) -> str:
        return str(run.params.get("metric", run.project.primary_metric))

    @extend_schema_field(Progress)
    def get_progress(self, run: Run) -> dict[str, object]:
        until = run.finished_at or now()
        elapsed = (until - run.started_at).total_seconds() if run.started_at else 0.0
        return {
            "phase": phase_of(run),
            "elapsed": max(elapsed, 0.0),
            "of": run.budget_seconds,
            "deadline": run.build_deadline and run.build_deadline.isoformat(),
        }

    @extend_schema_field(TrialShape(many=True))
    def get_leaderboard(self, run: Run) -> list[dict[str, object]]:
        return list(TrialShape(leaders(run)[:LEADERS], many=True).data)

    @extend_schema_field(Best(allow_null=True))
    def get_best(self, run: Run) -> dict[str, object] | None:
        version = run.versions.filter(kind=ModelVersion.Kind.TRAINED).first()
        return Best(version).data if version else None


class BuildsApi(ProjectApi):
    access = {
        "GET": allow("viewer", "read"),
        "POST": allow("owner", "manage"),
    }

    class Input(StrictSerializer):
        train = serializers.IntegerField(min_value=1)
        validation = serializers.IntegerField(required=False, min_value=1)
        metric = serializers.ChoiceField(choices=list(METRICS))
        max_training_time = serializers.IntegerField(
            min_value=1, max_value=pipeline.LONGEST_BUDGET
        )
        max_latency_us = serializers.FloatField(required=False, min_value=1)
        algorithms = serializers.ListField(
            child=serializers.ChoiceField(choices=ALGORITHMS),
            required=False,
            min_length=1,
            max_length=20,
        )

    @operation("List the builds, the newest first.", output=RunShape, paged=True)
    def get(self, request: Request, project: str) -> Response:
        return self.page(runs_of(self.project, Run.Kind.BUILD), order="-number")

    @operation(
        "Build the best model that the time allows.",
        input=Input,
        output=BuildDetail,
        status=202,
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        given = self.body()
        check_metric(self.project, given["metric"])
        train = dataset_of(self.project, given["train"], "train")
        number = given.get("validation")
        validation = dataset_of(self.project, number, "validation") if number else None
        names = ("metric", "max_latency_us", "algorithms")
        run = pipeline.start(
            project=self.project,
            kind=Run.Kind.BUILD,
            budget=given["max_training_time"],
            params={name: given[name] for name in names if name in given},
            train=train,
            validation=validation,
            by=self.actor.user,
            trigger="rest" if self.actor.key else "button",
            now=now(),
        )
        return self.answer(find_run(self.project, run.number, Run.Kind.BUILD))


class BuildApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation("A build: progress, leaderboard, best.", output=BuildDetail)
    def get(self, request: Request, project: str, number: int) -> Response:
        return self.answer(find_run(self.project, number, Run.Kind.BUILD))


class CancelBuildApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Stop a build; the best servable model so far is kept.",
        input=StrictSerializer,
        output=BuildDetail,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, number: int) -> Response:
        self.body()
        run = find_run(self.project, number, Run.Kind.BUILD)
        pipeline.cancel(run=run, now=now())
        return self.answer(find_run(self.project, number, Run.Kind.BUILD))


def check_metric(project: Project, metric: str) -> None:
    """400 where the metric is not of the project's task, or needs costs it lacks."""
    allowed = [known.key for known in metrics_for(project.task)]
    if not project.costs:
        allowed.remove("cost")
    if metric not in allowed:
        raise InvalidInput(
            f"metric: {metric} is none of this project's.",
            errors=[FieldError("metric", f"Write one of {', '.join(allowed)}.")],
        )


def leaders(run: Run) -> list[Trial]:
    """Trials by the build's metric, the best first; the unfinished and failed last."""
    metric = METRICS.get(str(run.params.get("metric") or run.project.primary_metric))
    score = F("score")
    larger = metric is None or metric.larger_is_better
    ordered = score.desc(nulls_last=True) if larger else score.asc(nulls_last=True)
    return list(run.trials.order_by(ordered, "number"))


def phase_of(run: Run) -> str:
    """What is going on, in a word or two."""
    if run.is_over:
        return str(run.state)
    for step in run.steps.all():
        if step.state == step.State.RUNNING:
            return str(step.name)
    return "waiting"
