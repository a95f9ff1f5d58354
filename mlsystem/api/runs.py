"""REST of component 6: runs are started, watched, cancelled and retried."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers

from mlsystem.api.shapes import RunDetail, RunShape
from mlsystem.orchestrator import pipeline
from registry.catalogue import ALGORITHMS
from registry.clock import now
from registry.errors import FieldError, InvalidInput, NotFound
from registry.models import Dataset, Project, Run, Step
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)

STATES = serializers.ChoiceField(choices=Run.State.choices, required=False)


class Params(StrictSerializer):
    """What one run may do otherwise than its project."""

    dataset = serializers.IntegerField(required=False, min_value=1)
    algorithms = serializers.ListField(
        child=serializers.ChoiceField(choices=ALGORITHMS),
        required=False,
        min_length=1,
        max_length=20,
    )
    fields = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=120),
        required=False,
        min_length=1,
        max_length=1000,
        help_text="Learn from these features alone.",
    )


class RunsApi(ProjectApi):
    access = {
        "GET": allow("viewer", "read"),
        "POST": allow("owner", "manage"),
    }

    class Input(StrictSerializer):
        budget = serializers.IntegerField(
            required=False, min_value=1, max_value=pipeline.LONGEST_BUDGET
        )
        params = Params(required=False)

    @operation(
        "List the runs, the newest first.",
        output=RunShape,
        paged=True,
        query={"status": STATES},
    )
    def get(self, request: Request, project: str) -> Response:
        runs = runs_of(self.project, Run.Kind.PIPELINE)
        if status := self.query().get("status"):
            runs = runs.filter(state=status)
        return self.page(runs, order="-number")

    @operation(
        "Start a run; 409 with the first one's id while another is going on.",
        input=Input,
        output=RunDetail,
        status=202,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        given = self.body()
        params = dict(given.get("params", {}))
        number = params.pop("dataset", None)
        train = dataset_of(self.project, number, "params.dataset") if number else None
        run = pipeline.start(
            project=self.project,
            budget=given.get("budget", pipeline.DEFAULT_BUDGET),
            params=params,
            train=train,
            by=self.actor.user,
            trigger="rest" if self.actor.key else "button",
            now=now(),
        )
        return self.answer(detailed(run))


class RunApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation("A run: steps, log, verdict with its reasons.", output=RunDetail)
    def get(self, request: Request, project: str, number: int) -> Response:
        return self.answer(find_run(self.project, number, Run.Kind.PIPELINE))


class CancelRunApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Stop a run at once.", input=StrictSerializer, output=RunDetail, errors=(409,)
    )
    @idempotent
    def post(self, request: Request, project: str, number: int) -> Response:
        self.body()
        run = find_run(self.project, number, Run.Kind.PIPELINE)
        return self.answer(detailed(pipeline.cancel(run=run, now=now())))


class RetryRunApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Go on with a failed or cancelled run from the step that did not succeed.",
        input=StrictSerializer,
        output=RunDetail,
        status=202,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, number: int) -> Response:
        self.body()
        run = find_run(self.project, number, Run.Kind.PIPELINE)
        return self.answer(detailed(pipeline.retry(run=run, now=now())))


def runs_of(project: Project, kind: str) -> QuerySet[Run]:
    """Runs of one kind, with what their shapes show."""
    return Run.objects.filter(project=project, kind=kind).select_related(
        "project", "requested_by"
    )


def find_run(project: Project, number: int, kind: str) -> Run:
    run = (
        runs_of(project, kind)
        .prefetch_related(Prefetch("steps", Step.objects.select_related("job")))
        .filter(number=number)
        .first()
    )
    if run is None:
        raise NotFound("There is no such run in this project.")
    return run


def detailed(run: Run) -> Run:
    """The run as it is now."""
    return find_run(run.project, run.number, run.kind)


def dataset_of(project: Project, number: Any, field: str) -> Dataset:
    """The project's dataset of this number; 400 names the field that asked for it."""
    found = Dataset.objects.select_related("split").filter(
        project=project, number=number
    )
    dataset = found.first()
    if dataset is None:
        raise InvalidInput(
            f"{field}: there is no dataset {number} in this project.",
            errors=[FieldError(field, "Name the number of a dataset.")],
        )
    return dataset
