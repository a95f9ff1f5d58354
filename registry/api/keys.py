"""The API keys of a project: made, listed and revoked by its admins."""

from rest_framework import serializers

from registry import keys
from registry.catalogue import SCOPES
from registry.errors import NotFound
from registry.models import ApiKey, User
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


class KeyOutput(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="How the key begins, after `mls_`.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES))
    user = serializers.CharField(source="user.username", help_text="Acts for.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="To the minute."
    )


class NewKeyOutput(KeyOutput):
    key = serializers.CharField(help_text="The key itself: shown this once.")


class KeysApi(ProjectApi):
    access = {"GET": allow("admin", "manage"), "POST": allow("admin", "manage")}

    class Input(StrictSerializer):
        name = serializers.CharField(max_length=80)
        scopes = serializers.ListField(
            child=serializers.ChoiceField(choices=SCOPES), min_length=1, max_length=5
        )
        user = serializers.CharField(
            max_length=150,
            required=False,
            help_text="The member it acts for; else a service user of its own.",
        )
        expires_at = Moment(required=False, allow_null=True)

    @operation("List the keys.", output=KeyOutput, paged=True)
    def get(self, request: Request, project: str) -> Response:
        return self.page(self.project.keys.select_related("user"), order="-id")

    @operation("Make a key.", input=Input, output=NewKeyOutput, status=201)
    @idempotent(secret=("key", keys.derived))
    def post(self, request: Request, project: str) -> Response:
        """The answer holds the key itself, which is never shown again. With `label`
        in its scopes the user it acts for is the annotator."""
        asked = self.body()
        name = asked.pop("user", None)
        members = User.objects.filter(memberships__project=self.project)
        user = members.filter(username=name).first() if name else None
        if name and user is None:
            raise serializers.ValidationError({"user": ["Name a member."]})
        entropy = self.slot.entropy
        key, plain = keys.create_key(
            project=self.project,
            user=user,
            by=self.actor,
            plain=keys.derived(entropy) if entropy else "",
            **asked,
        )
        key.key = plain  # type: ignore[attr-defined]
        return self.answer(key)


class KeyApi(ProjectApi):
    access = {"GET": allow("admin", "manage"), "DELETE": allow("admin", "manage")}

    @operation("Read a key.", output=KeyOutput)
    def get(self, request: Request, project: str, key: int) -> Response:
        return self.answer(self._find(key))

    @operation("Revoke a key.", status=204, errors=(409,))
    def delete(self, request: Request, project: str, key: int) -> Response:
        """It is dead within a second, everywhere."""
        keys.revoke(key=self._find(key), by=self.actor)
        return self.answer()

    def _find(self, number: int) -> ApiKey:
        found = self.project.keys.filter(pk=number).select_related("user", "project")
        if key := found.first():
            return key
        raise NotFound("There is no such key.")
