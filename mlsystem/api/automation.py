"""REST of component 6: when runs start by themselves, and how far they may go."""

from typing import Any

from rest_framework import serializers

from labelling.labeller import fresh
from mlsystem.orchestrator import pipeline, triggers
from registry import projects
from registry.clock import now
from registry.models import Project, Schedule
from registry.web.api import (
    Moment,
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    operation,
)

MOST_LABELS = 1_000_000


class ScheduleApi(ProjectApi):
    access = {"GET": allow("viewer", "read"), "PUT": allow("owner", "manage")}

    class Input(StrictSerializer):
        cron = serializers.CharField(max_length=80)
        zone = serializers.CharField(max_length=60, required=False)
        enabled = serializers.BooleanField(default=True)
        budget = serializers.IntegerField(
            required=False, min_value=1, max_value=pipeline.LONGEST_BUDGET
        )

    class Output(serializers.Serializer):
        cron = serializers.CharField(allow_blank=True)
        zone = serializers.CharField()
        enabled = serializers.BooleanField()
        budget = serializers.IntegerField()
        next_at = Moment(allow_null=True)

    @operation("When runs start by themselves.", output=Output)
    def get(self, request: Request, project: str) -> Response:
        return self.answer(self._shape(self._found()))

    @operation("Set when runs start by themselves.", input=Input, output=Output)
    def put(self, request: Request, project: str) -> Response:
        given = self.body()
        schedule = triggers.set_schedule(
            project=self.project,
            cron=given["cron"],
            zone=given.get("zone", ""),
            budget=given.get("budget", pipeline.DEFAULT_BUDGET),
            enabled=given["enabled"],
            by=self.actor,
            now=now(),
        )
        return self.answer(self._shape(schedule))

    def _found(self) -> Schedule | None:
        return Schedule.objects.filter(project=self.project, task=triggers.TASK).first()

    def _shape(self, schedule: Schedule | None) -> dict[str, Any]:
        if schedule is None:
            return {
                "cron": "",
                "zone": self.project.zone,
                "enabled": False,
                "budget": pipeline.DEFAULT_BUDGET,
                "next_at": None,
            }
        return {
            "cron": schedule.cron,
            "zone": schedule.zone,
            "enabled": schedule.enabled,
            "budget": schedule.args.get("budget", pipeline.DEFAULT_BUDGET),
            "next_at": schedule.next_at if schedule.enabled else None,
        }


class AutopilotApi(ProjectApi):
    access = {"GET": allow("viewer", "read"), "PUT": allow("owner", "manage")}

    class Input(StrictSerializer):
        mode = serializers.ChoiceField(
            choices=Project.Autopilot.choices, source="autopilot"
        )
        retrain_after = serializers.IntegerField(
            required=False,
            min_value=0,
            max_value=MOST_LABELS,
            help_text="So many new labels of experts start a run; 0: never.",
        )

    class Output(serializers.Serializer):
        mode = serializers.ChoiceField(choices=Project.Autopilot.choices)
        meaning = serializers.CharField()
        retrain_after = serializers.IntegerField()
        new_labels = serializers.IntegerField(help_text="Since the last run.")

    MEANING = {
        "manual": "An accepted version waits until somebody starts its rollout.",
        "propose": "An accepted version is proposed; alerts and enough new labels "
        "start runs.",
        "automatic": "An accepted version starts its canary by the project's plan; "
        "alerts and enough new labels start runs.",
    }

    @operation("How far the machine goes by itself.", output=Output)
    def get(self, request: Request, project: str) -> Response:
        return self._told(self.project)

    @operation(
        "Set how far the machine goes by itself.",
        input=Input,
        output=Output,
        errors=(409,),
    )
    def put(self, request: Request, project: str) -> Response:
        changed = projects.update_project(
            project=self.project, by=self.actor, changes=self.body()
        )
        return self._told(changed)

    def _told(self, project: Project) -> Response:
        return self.answer(
            {
                "mode": project.autopilot,
                "meaning": self.MEANING[project.autopilot],
                "retrain_after": project.retrain_after,
                "new_labels": fresh.new_labels(project),
            }
        )
