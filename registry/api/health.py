"""Whether this process answers at all; it asks nobody else."""

from rest_framework import serializers

from registry.web.api import HouseApi, Request, Response, allow, operation


class HealthApi(HouseApi):
    access = {"GET": allow("anyone")}
    authentication_classes = []  # a wrong key is no sign of illness

    class Output(serializers.Serializer):
        status = serializers.ChoiceField(choices=["ok"])

    @operation("Whether this process lives.", output=Output)
    def get(self, request: Request) -> Response:
        return self.answer({"status": "ok"})
