"""Component 2, Data Labeller, over REST: cards out, answers in."""

from rest_framework import serializers

from labelling.labeller import annotate, leases
from labelling.labeller.queue import MOST_AT_ONCE, hand_out
from labelling.models import Annotation
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.models import User
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

LABEL = allow("labeller", "label")
MOST_LEASES = 100


def person(actor: Actor) -> User:
    """Who labels: the signed-in person, or the one a key acts for."""
    assert actor.user is not None, "`access` lets nobody else in"
    return actor.user


def reviews(actor: Actor) -> bool:
    """A reviewer decides disputes; a service user labels, it does not judge people."""
    return actor.may("reviewer") and not person(actor).is_service


class CardOutput(serializers.Serializer):
    id = serializers.IntegerField()
    payload = serializers.DictField()
    lease = serializers.UUIDField()
    expires_at = serializers.DateTimeField()
    reason = serializers.CharField()
    suggestion = serializers.DictField(required=False)


class HandoutOutput(serializers.Serializer):
    examples = CardOutput(many=True)
    retry_after = serializers.IntegerField(
        required=False, help_text="Seconds; all that is left is with others."
    )
    paused = serializers.CharField(
        required=False, help_text="Why you get none; a reviewer lets you go on."
    )


class AnnotationOutput(serializers.ModelSerializer):
    example = serializers.IntegerField(source="example_id")
    value = TruthField(allow_null=True, help_text="Null of a skip, and of cannot_tell.")

    class Meta:
        model = Annotation
        fields = [
            "id", "example", "state", "value", "cannot_tell", "comment", "seconds",
            "late", "decides", "created_at",
        ]  # fmt: skip


class NextApi(ProjectApi):
    access = {"POST": LABEL}

    class Input(StrictSerializer):
        count = serializers.IntegerField(
            required=False, default=1, min_value=1, max_value=MOST_AT_ONCE
        )

    @operation("Take the next examples.", input=Input, output=HandoutOutput)
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """Each is leased to you for some minutes; nobody else gets it meanwhile."""
        handout = hand_out(
            project=self.project,
            user=person(self.actor),
            reviews=reviews(self.actor),
            count=self.body()["count"],
            now=clock_now(),
        )
        return self.answer(handout.as_json())


class AnnotationsApi(ProjectApi):
    access = {"POST": LABEL}

    class Input(StrictSerializer):
        lease = serializers.UUIDField()
        value = TruthField(required=False)
        cannot_tell = serializers.BooleanField(required=False, default=False)
        client_key = serializers.CharField(
            max_length=64, help_text="The same key submits once."
        )
        next = serializers.IntegerField(
            required=False, default=0, min_value=0, max_value=MOST_AT_ONCE
        )

    class Output(serializers.Serializer):
        annotation = AnnotationOutput()
        next = HandoutOutput()

    @operation(
        "Answer an example.", input=Input, output=Output, status=201, errors=(409,)
    )
    @idempotent
    def post(self, request: Request, project: str, example: int) -> Response:
        """And take the next in the same round trip. An answer after its lease is over
        is kept; 409 where nothing was stored."""
        said = self.body()
        answer = annotate.read_answer(
            project=self.project,
            value=said.get("value"),
            cannot_tell=said["cannot_tell"],
        )
        done = annotate.submit(
            project=self.project,
            example_id=example,
            user=person(self.actor),
            reviews=reviews(self.actor),
            token=said["lease"],
            answer=answer,
            client_key=said["client_key"],
            count=said["next"],
            now=clock_now(),
        )
        return self.answer({"annotation": done.annotation, "next": done.next.as_json()})


class LeasesInput(StrictSerializer):
    leases = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MOST_LEASES
    )


class RenewApi(ProjectApi):
    access = {"POST": LABEL}

    class Output(serializers.Serializer):
        expires_at = serializers.DateTimeField()

    @operation(
        "Keep leases.",
        input=LeasesInput,
        output=Output,
        errors=(409,),
        creates=False,
    )
    def post(self, request: Request, project: str) -> Response:
        until = leases.renew(
            project=self.project,
            user=person(self.actor),
            tokens=self.body()["leases"],
            now=clock_now(),
        )
        return self.answer({"expires_at": until})


class ReleaseApi(ProjectApi):
    access = {"POST": LABEL}

    class Output(serializers.Serializer):
        released = serializers.IntegerField()

    @operation(
        "Give cards back unanswered.", input=LeasesInput, output=Output, creates=False
    )
    def post(self, request: Request, project: str) -> Response:
        released = leases.release(
            project=self.project,
            user=person(self.actor),
            tokens=self.body()["leases"],
        )
        return self.answer({"released": released})


class SkipApi(ProjectApi):
    access = {"POST": LABEL}

    class Input(StrictSerializer):
        lease = serializers.UUIDField()
        reason = serializers.CharField(
            required=False, default="", allow_blank=True, max_length=500
        )

    class Output(serializers.Serializer):
        annotation = AnnotationOutput()

    @operation("Skip an example.", input=Input, output=Output, errors=(409,))
    @idempotent
    def post(self, request: Request, project: str, example: int) -> Response:
        """It goes to somebody else, and comes back to you after all the others."""
        said = self.body()
        annotation = annotate.skip(
            project=self.project,
            example_id=example,
            user=person(self.actor),
            token=said["lease"],
            reason=said["reason"],
            now=clock_now(),
        )
        return self.answer({"annotation": annotation})


class UndoApi(ProjectApi):
    access = {"POST": LABEL}

    class Output(serializers.Serializer):
        annotation = AnnotationOutput()
        example = CardOutput()

    @operation(
        "Take back your last answer or skip.",
        input=StrictSerializer,
        output=Output,
        errors=(409,),
    )
    @idempotent
    def post(self, request: Request, project: str) -> Response:
        """The card comes again, with a new lease. Twenty answers deep."""
        self.body()
        annotation, card = annotate.undo(
            project=self.project, user=person(self.actor), now=clock_now()
        )
        return self.answer({"annotation": annotation, "example": card.as_json()})
