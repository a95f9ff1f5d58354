"""REST of component 6: when runs start by themselves, and how far they may go."""

from typing import Any

from rest_framework import serializers

from mlsystem.orchestrator import pipeline, triggers
from registry import audit, projects, schedules
from registry.clock import now
from registry.models import Job, Project, Schedule
from registry.web.api import (
    Moment,
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    operation,
)


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
        budget = given.get("budget", pipeline.DEFAULT_BUDGET)
        schedule = schedules.set_schedule(
            project=self.project,
            task=triggers.TASK,
            cron=given["cron"],
            zone=given.get("zone") or self.project.zone,
            lane=Job.Lane.QUICK,
            enabled=given["enabled"],
            args={"budget": budget},
            now=now(),
        )
        audit.record(
            project=self.project,
            actor=self.actor,
            action="schedule.set",
            detail={"cron": schedule.cron, "enabled": schedule.enabled},
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
        mode = serializers.ChoiceField(choices=Project.Autopilot.choices)

    class Output(serializers.Serializer):
        mode = serializers.ChoiceField(choices=Project.Autopilot.choices)
        meaning = serializers.CharField()

    MEANING = {
        "manual": "An accepted version waits until somebody starts its rollout.",
        "propose": "An accepted version is proposed; alerts may start runs.",
        "automatic": "An accepted version starts its canary by the project's plan; "
        "alerts may start runs.",
    }

    @operation("How far the machine goes by itself.", output=Output)
    def get(self, request: Request, project: str) -> Response:
        return self._told(self.project.autopilot)

    @operation(
        "Set how far the machine goes by itself.",
        input=Input,
        output=Output,
        errors=(409,),
    )
    def put(self, request: Request, project: str) -> Response:
        changed = projects.update_project(
            project=self.project,
            by=self.actor,
            changes={"autopilot": self.body()["mode"]},
        )
        return self._told(changed.autopilot)

    def _told(self, mode: str) -> Response:
        return self.answer({"mode": mode, "meaning": self.MEANING[mode]})
