"""Who did what in a project, the newest first; refused attempts too."""

from rest_framework import serializers

from registry.web.api import ProjectApi, Request, Response, allow, operation


class AuditApi(ProjectApi):
    access = {"GET": allow("owner", "manage")}

    class Output(serializers.Serializer):
        id = serializers.IntegerField()
        at = serializers.DateTimeField()
        actor = serializers.CharField(source="actor_name")
        action = serializers.CharField()
        target = serializers.CharField(allow_blank=True)
        allowed = serializers.BooleanField()
        detail = serializers.DictField()

    @operation(
        "Who did what, the newest first.",
        output=Output,
        paged=True,
        query={"allowed": serializers.BooleanField(required=False)},
    )
    def get(self, request: Request, project: str) -> Response:
        """With `allowed=false` only what was refused."""
        asked = self.query()
        rows = self.project.audit.all()
        if "allowed" in asked:
            rows = rows.filter(allowed=asked["allowed"])
        return self.page(rows, order="-id")
