"""The end user's feedback over REST: with a key, or with the answer's token alone."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated

from labelling import feedback
from registry.clock import now as clock_now
from registry.errors import FieldError, Forbidden, InvalidInput, NotFound
from registry.models import Project, User
from registry.web import access
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)
from registry.web.fields import TruthField
from serving.frontend.tokens import prediction_of

WITH_KEY = allow("owner", "truth")
# No credentials: a browser that belongs to us sends nothing of ours along.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
}


class FeedbackApi(ProjectApi):
    access = {"POST": allow("anyone"), "OPTIONS": allow("anyone")}

    class Input(StrictSerializer):
        prediction = serializers.UUIDField(
            required=False, help_text="With a key of scope truth."
        )
        feedback_token = serializers.CharField(
            required=False, max_length=300, help_text="From the answer; no key needed."
        )
        correct = serializers.BooleanField()
        value = TruthField(required=False, help_text="What is true instead.")
        comment = serializers.CharField(
            required=False, allow_blank=True, max_length=2000, default=""
        )

    class Output(serializers.Serializer):
        truth = serializers.BooleanField(help_text="It counts as truth.")
        label_requested = serializers.BooleanField(
            help_text="Wrong, without saying what is right: somebody will look."
        )

    def perform_authentication(self, request: Request) -> None:
        """A token authorises alone: whoever else the browser or the app is, by a cookie
        or a key, neither opens nor closes anything."""
        said = request.data
        if isinstance(said, dict) and said.get("feedback_token"):
            request.user, request.auth = AnonymousUser(), None
        else:
            super().perform_authentication(request)

    def enter(self, request: Request) -> None:
        """Without a key nobody learns here which projects exist."""
        if isinstance(request.user, User):
            super().enter(request)
            return
        self.actor = self._house_actor(request)
        found = Project.objects.filter(slug=str(self.kwargs["project"])).first()
        self.project = found  # type: ignore[assignment]

    @operation(
        "Say whether a prediction was right.",
        input=Input,
        output=Output,
        status=202,
        errors=(401, 403, 429),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """A value, or `correct: true`, is truth of source feedback; a bare "wrong"
        asks for a label and never counts as truth."""
        said = self.body()
        token = said.pop("feedback_token", None)
        named = said.pop("prediction", None)
        if token:
            named = self._by_token(token, named)
        else:
            named = self._by_key(named)
        given = feedback.give(
            project=self.project,
            prediction_id=named,
            by_token=bool(token),
            now=clock_now(),
            **said,
        )
        return self.answer(given)

    def _by_token(self, token: str, named: UUID | None) -> UUID:
        prediction = prediction_of(token)
        if prediction is None:
            raise Forbidden("This feedback_token is forged, broken or too old.")
        if self.project is None:
            raise NotFound("There is no such project.")
        if named not in {None, prediction}:
            message = "The token is another prediction's; leave this out."
            raise InvalidInput(message, errors=[FieldError("prediction", message)])
        return prediction

    def _by_key(self, named: UUID | None) -> UUID:
        if self.actor.user is None:
            raise NotAuthenticated("Send the answer's feedback_token, or a key.")
        what = f"POST {self.request.path}"
        access.check(WITH_KEY, actor=self.actor, project=self.project, what=what)
        if named is None:
            message = "Name the prediction, or send its feedback_token."
            raise InvalidInput(message, errors=[FieldError("prediction", message)])
        return named

    @operation("Let browsers ask from anywhere (CORS).", status=204)
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return Response(status=204, headers=PREFLIGHT)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in CORS.items():
            response.headers[name] = value
        return response
