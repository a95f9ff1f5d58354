"""Component 4, Performance Monitor, over REST: metrics, drift, alerts, notes.

Every number is {"value", "low", "high", "n", "coverage"}.
"""

from datetime import timedelta

from rest_framework import serializers

from monitoring.models import Alert, Note
from monitoring.monitor import alerts
from monitoring.monitor.asked import window_of, wrong
from monitoring.monitor.drifting import drift_report
from monitoring.monitor.series import known_metrics, points, read, total
from registry.clock import now as clock_now
from registry.errors import NotFound
from registry.models import ModelVersion, Project
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
from registry.web.serializers import ModelNumber
from serving.rollout import of_project


class Number(serializers.Serializer):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    coverage = serializers.FloatField(
        allow_null=True, help_text="Share of predictions whose truth is known."
    )
    bound = serializers.FloatField(
        required=False, help_text="The exact value is at most this far away."
    )
    reason = serializers.CharField(required=False, help_text="Why there is no value.")
    left_out = serializers.IntegerField(
        required=False,
        help_text="Truths that were counted for another positive class or task.",
    )


class Point(Number):
    at = serializers.DateTimeField()
    mature = serializers.BooleanField(
        help_text="false: truth that silence stands for may still be missing."
    )


class Series(serializers.Serializer):
    model = serializers.CharField()
    total = Number()
    points = Point(many=True)


class MetricsOutput(serializers.Serializer):
    metric = serializers.CharField()
    bucket = serializers.CharField()
    slice = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    series = Series(many=True)


def version_of(project: Project, number: int) -> ModelVersion:
    found = project.versions.select_related("project", "dataset").filter(number=number)
    if version := found.first():
        return version
    raise NotFound(f"There is no model {project.slug}/{number}.")


def shown_versions(project: Project, number: int | None) -> list[ModelVersion]:
    """The one asked for, else what serves: live, candidate, baseline."""
    if number is not None:
        return [version_of(project, number)]
    rollout = of_project(project)
    wanted = (rollout.live, rollout.candidate, rollout.baseline)
    found = {version.pk: version for version in wanted if version}
    for version in found.values():
        version.project = project
    return list(found.values())


class MetricsApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation(
        "A metric over time, and over the whole window, with intervals.",
        output=MetricsOutput,
        query={
            "model": ModelNumber(required=False),
            "metric": serializers.CharField(required=False, max_length=60),
            "from": Moment(required=False),
            "to": Moment(required=False),
            "bucket": serializers.ChoiceField(["hour", "day"], required=False),
            "slice": serializers.CharField(required=False, max_length=200),
        },
        errors=(409,),
    )
    def get(self, request: Request, project: str) -> Response:
        """Whole hours or days, from `since` to `until`: those that the window asked for
        touches. Hours are kept for 90 days, or as long as truth may take; days for
        ever."""
        query, now = self.query(), clock_now()
        metric = query.get("metric") or self.project.primary_metric
        if metric not in known_metrics(self.project):
            known = ", ".join(known_metrics(self.project))
            raise wrong("metric", f"{metric!r} is unknown here; known are {known}.")
        window = window_of(self.project, query, now=now)
        versions = shown_versions(self.project, query.get("model"))
        return self.answer(
            {
                "metric": metric,
                "bucket": window.by,
                "slice": window.slice,
                "since": window.start,
                "until": window.end,
                "series": [
                    {
                        "model": str(version),
                        "total": read(total(version, window, now=now), metric),
                        "points": points(version, window, metric, now=now),
                    }
                    for version in versions
                ],
            }
        )


class DriftOutput(serializers.Serializer):
    model = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    n = serializers.IntegerField()
    state = serializers.CharField()
    features = serializers.ListField(child=serializers.DictField())


class DriftApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation(
        "Every feature against the version's frozen reference.",
        output=DriftOutput,
        query={
            "model": ModelNumber(required=False),
            "from": Moment(required=False),
            "to": Moment(required=False),
        },
        errors=(409,),
    )
    def get(self, request: Request, project: str) -> Response:
        query = self.query()
        start, end = query.get("from"), query.get("to")
        if start and end and start >= end:
            raise wrong("from", "Must lie before `to`.")
        version = shown_versions(self.project, query.get("model"))[0]
        report = drift_report(version, now=clock_now(), start=start, end=end)
        report |= {"since": report["from"], "until": report["to"]}
        return self.answer(report)


class AlertOutput(serializers.ModelSerializer):
    kind = serializers.CharField(source="rule.kind")
    model = serializers.SerializerMethodField()
    acknowledged_by = serializers.CharField(
        source="acknowledged_by.username", default=None, allow_null=True
    )

    class Meta:
        model = Alert
        fields = (
            "id", "kind", "state", "message", "value", "low", "high", "n", "coverage",
            "limit", "model", "detail", "opened_at", "fired_at", "updated_at", "resolved_at",
            "muted_until", "acknowledged_by",
        )  # fmt: skip

    def get_model(self, alert: Alert) -> str | None:
        return str(alert.version) if alert.version else None


class AlertsApi(ProjectApi):
    access = {"GET": allow("viewer", "read")}

    @operation(
        "Alerts, the newest first.",
        output=AlertOutput,
        query={"state": serializers.ChoiceField(Alert.State.choices, required=False)},
        paged=True,
    )
    def get(self, request: Request, project: str) -> Response:
        found = self.project.alerts.select_related(
            "rule", "version__project", "acknowledged_by"
        )
        if state := self.query().get("state"):
            found = found.filter(state=state)
        return self.page(found)


def alert_of(project: Project, pk: int) -> Alert:
    found = project.alerts.select_related("rule", "version__project", "acknowledged_by")
    if alert := found.filter(pk=pk).first():
        return alert
    raise NotFound("There is no such alert.")


class AcknowledgeApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    @operation(
        "Say that somebody looks after it.",
        input=StrictSerializer,
        output=AlertOutput,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, alert: int) -> Response:
        self.body()
        found = alert_of(self.project, alert)
        done = alerts.acknowledge(alert=found, by=self.actor, now=clock_now())
        return self.answer(done)


class MuteApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    class Input(StrictSerializer):
        hours = serializers.IntegerField(
            min_value=0,
            max_value=24 * 30,
            default=24,
            help_text="0 ends the quiet: it is what it was before.",
        )

    @operation(
        "Be quiet about it for some hours, or no longer.",
        input=Input,
        output=AlertOutput,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str, alert: int) -> Response:
        hours, now = self.body()["hours"], clock_now()
        found = alert_of(self.project, alert)
        if not hours:
            return self.answer(alerts.unmute(alert=found, by=self.actor, now=now))
        until = now + timedelta(hours=hours)
        return self.answer(
            alerts.mute(alert=found, until=until, by=self.actor, now=now)
        )


class NoteOutput(serializers.ModelSerializer):
    author = serializers.CharField(
        source="author.username", default=None, allow_null=True
    )

    class Meta:
        model = Note
        fields = ("id", "at", "text", "author", "created_at")


class NotesApi(ProjectApi):
    access = {"GET": allow("viewer", "read"), "POST": allow("owner", "manage")}

    class Input(StrictSerializer):
        text = serializers.CharField(max_length=500)
        at = Moment(required=False)

    @operation("The owner's notes, the newest first.", output=NoteOutput, paged=True)
    def get(self, request: Request, project: str) -> Response:
        self.query()
        return self.page(self.project.notes.select_related("author"))

    @operation("Write a note.", input=Input, output=NoteOutput, status=201)
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        given = self.body()
        note = Note.objects.create(
            project=self.project,
            at=given.get("at") or clock_now(),
            text=given["text"],
            author=self.actor.user,
        )
        return self.answer(note)
