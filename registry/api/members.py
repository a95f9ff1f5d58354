"""The people of a project and their roles."""

from rest_framework import serializers

from registry import people
from registry.catalogue import ROLES
from registry.errors import Forbidden, NotFound
from registry.models import Membership, User
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)


def _link(entropy: str) -> str:
    return people.address_of(people.derived_token(entropy))


class MemberOutput(serializers.Serializer):
    user = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(choices=ROLES)
    since = serializers.DateTimeField(source="created_at")


class NewMemberOutput(MemberOutput):
    invitation = serializers.URLField(
        allow_null=True,
        help_text="The one-time link that lets a new person in: shown this once.",
    )


class MembersApi(ProjectApi):
    access = {"GET": allow("owner", "manage"), "POST": allow("admin", "manage")}

    class Input(StrictSerializer):
        user = serializers.CharField(max_length=150)
        role = serializers.ChoiceField(choices=ROLES)
        invite = serializers.BooleanField(
            default=False, help_text="Make this person first. Staff only."
        )

    @operation("List the members.", output=MemberOutput, paged=True)
    def get(self, request: Request, project: str) -> Response:
        people_only = self.project.memberships.filter(user__is_service=False)
        return self.page(people_only.select_related("user"), order="id")

    @operation(
        "Add a member.", input=Input, output=NewMemberOutput, status=201, errors=(409,)
    )
    @idempotent(secret=("invitation", _link))
    def post(self, request: Request, project: str) -> Response:
        """Somebody who is a member already gets the role."""
        asked = self.body()
        link = None
        if asked["invite"]:
            user, link = self._invite(asked["user"])
        else:
            user = _person(asked["user"])
        member = people.set_role(
            project=self.project, user=user, role=asked["role"], by=self.actor
        )
        member.invitation = link  # type: ignore[attr-defined]
        return self.answer(member)

    def _invite(self, name: str) -> tuple[User, str]:
        user = self.actor.user
        if self.actor.key or user is None or not user.is_staff:
            raise Forbidden("Only staff who are signed in make new people.")
        person = people.create_user(name=name, by=self.actor)
        entropy = self.slot.entropy
        token = people.derived_token(entropy) if entropy else ""
        return person, people.invite(user=person, by=self.actor, token=token)


class MemberApi(ProjectApi):
    access = {"PATCH": allow("admin", "manage"), "DELETE": allow("admin", "manage")}

    class Input(StrictSerializer):
        role = serializers.ChoiceField(choices=ROLES)

    @operation("Change a role.", input=Input, output=MemberOutput, errors=(409,))
    def patch(self, request: Request, project: str, user: str) -> Response:
        """The last admin keeps the role (409). Who loses rights has to sign in again."""
        member = self._find(user)
        role = self.body()["role"]
        return self.answer(
            people.set_role(
                project=self.project, user=member.user, role=role, by=self.actor
            )
        )

    @operation("Remove a member.", status=204, errors=(409,))
    def delete(self, request: Request, project: str, user: str) -> Response:
        """Their keys of this project are revoked too."""
        member = self._find(user)
        people.remove_member(project=self.project, user=member.user, by=self.actor)
        return self.answer()

    def _find(self, name: str) -> Membership:
        found = self.project.memberships.filter(
            user__username=name, user__is_service=False
        )
        if member := found.select_related("user").first():
            return member
        raise NotFound(f"{name} is not a member.")


def _person(name: str) -> User:
    user = User.objects.filter(username=name, is_active=True, is_service=False).first()
    if user is None:
        message = "There is no such person; staff can add them with `invite`."
        raise serializers.ValidationError({"user": [message]})
    return user
