"""REST of this floor: the shapes that several endpoints answer with."""

from typing import Any

from rest_framework import serializers

from registry.models import Job, Run, Step, Trial
from registry.web.api import Moment
from serving.rollout_story import next_of
from serving.rollout_writes import with_versions

HIDDEN = ("uri", "sha256")  # of files that are no client's business


class Reason(serializers.Serializer):
    rule = serializers.CharField()
    passed = serializers.BooleanField()
    text = serializers.CharField()
    numbers = serializers.DictField()


class StepShape(serializers.Serializer):
    """One step: how far it is, what it found, what it left, what it said."""

    name = serializers.CharField()
    status = serializers.CharField(source="state")
    progress = serializers.SerializerMethodField()
    message = serializers.SerializerMethodField()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    findings = serializers.ListField(child=serializers.DictField())
    outputs = serializers.SerializerMethodField()
    log = serializers.SerializerMethodField()

    def get_progress(self, step: Step) -> float:
        if step.state == Step.State.SUCCEEDED:
            return 1.0
        return max((job.progress for job in jobs_of(step)), default=0.0)

    def get_message(self, step: Step) -> str:
        return next((job.message for job in reversed(jobs_of(step)) if job.message), "")

    def get_outputs(self, step: Step) -> dict[str, Any]:
        return {
            name: value
            for name, value in step.outputs.items()
            if name != "spec" and not (isinstance(value, dict) and "uri" in value)
        }

    def get_log(self, step: Step) -> str:
        return "".join(job.log for job in jobs_of(step))


class RunShape(serializers.Serializer):
    """A run in a list."""

    id = serializers.IntegerField(source="number")
    kind = serializers.CharField()
    status = serializers.CharField(source="state")
    url = serializers.SerializerMethodField()
    trigger = serializers.CharField()
    budget = serializers.IntegerField(source="budget_seconds")
    as_of = Moment(allow_null=True)
    verdict = serializers.CharField()
    model = serializers.SerializerMethodField()
    error = serializers.CharField()
    requested_by = serializers.SerializerMethodField()
    created_at = Moment()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)

    def get_url(self, run: Run) -> str:
        where = "runs" if run.kind == Run.Kind.PIPELINE else "builds"
        return f"/api/v1/projects/{run.project.slug}/{where}/{run.number}"

    def get_model(self, run: Run) -> int | None:
        number: int | None = run.report.get("version")
        return number

    def get_requested_by(self, run: Run) -> str | None:
        return run.requested_by.get_username() if run.requested_by else None


class RunDetail(RunShape):
    params = serializers.DictField()
    reasons = Reason(many=True)
    next = serializers.SerializerMethodField()
    steps = StepShape(many=True)
    log = serializers.SerializerMethodField()

    def get_log(self, run: Run) -> str:
        """What its steps said, the first step first."""
        return "".join(job.log for step in run.steps.all() for job in jobs_of(step))

    def get_next(self, run: Run) -> str:
        """What happens now, in a sentence."""
        return next_of(run, with_versions().filter(project=run.project_id).first())


class TrialShape(serializers.Serializer):
    """A line of the leaderboard."""

    trial = serializers.IntegerField(source="number")
    algorithm = serializers.CharField(source="family")
    name = serializers.SerializerMethodField()
    params = serializers.DictField()
    status = serializers.CharField(source="state")
    score = serializers.FloatField(allow_null=True)
    metrics = serializers.DictField()
    seconds = serializers.FloatField(allow_null=True)
    error = serializers.SerializerMethodField()

    def get_name(self, trial: Trial) -> str:
        return str(trial.outcome.get("name") or trial.family)

    def get_error(self, trial: Trial) -> str:
        """The last line says what happened; the rest is for the log."""
        return (trial.error.strip().splitlines() or [""])[-1][:300]


def jobs_of(step: Step) -> list[Job]:
    """The step's own job, a build's slots, and the job that ends it; read once."""
    known: list[Job] | None = getattr(step, "_jobs_shown", None)
    if known is None:
        ids = [*step.inputs.get("slots", []), step.inputs.get("finish")]
        if step.job_id:
            ids.insert(0, str(step.job_id))
        found = Job.objects.in_bulk([pk for pk in ids if pk])
        by_id = {str(pk): job for pk, job in found.items()}
        known = [by_id[pk] for pk in ids if pk in by_id]
        step._jobs_shown = known  # type: ignore[attr-defined]
    return known
