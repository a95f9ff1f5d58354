"""The demo's people, one a role; whoever starts the demo gets a link for each."""

from registry import keys, people
from registry.actors import COMMAND_LINE
from registry.models import Membership, Project, User

CAST = {
    "ada": "admin",
    "owen": "owner",
    "rosa": "reviewer",
    "erin": "labeller",
    "vera": "viewer",
}


def cast(project: Project) -> dict[str, User]:
    """Everybody by role, members of the project; whoever runs the house is an admin."""
    found = {}
    for name, role in CAST.items():
        user = User.objects.filter(username=name).first()
        if user is None:
            user = people.create_user(name=name, by=COMMAND_LINE, staff=role == "admin")
        if not Membership.objects.filter(project=project, user=user).exists():
            people.set_role(project=project, user=user, role=role, by=COMMAND_LINE)
        found[role] = user
    for user in User.objects.filter(is_superuser=True, is_active=True):
        Membership.objects.get_or_create(
            project=project, user=user, defaults={"role": "admin"}
        )
    return found


def labellers(project: Project) -> list[User]:
    """Erin, and Omar who labels beside her."""
    erin = User.objects.get(username="erin")
    omar = User.objects.filter(username="omar").first()
    if omar is None:
        omar = people.create_user(name="omar", by=COMMAND_LINE)
    if not Membership.objects.filter(project=project, user=omar).exists():
        people.set_role(project=project, user=omar, role="labeller", by=COMMAND_LINE)
    return [erin, omar]


def known(project: Project) -> dict[str, User]:
    """Who of them is still there, by role."""
    members = Membership.objects.select_related("user").filter(project=project)
    found = members.filter(user__username__in=CAST)
    return {CAST[member.user.get_username()]: member.user for member in found}


def links(users: dict[str, User]) -> dict[str, str]:
    """A fresh one-time sign-in link for each role."""
    return {
        role: people.sign_in_link(user=user, purpose="demo", by=COMMAND_LINE)
        for role, user in users.items()
    }


def key_of(project: Project) -> str:
    """The demo's own predict key: the same text at every start, kept nowhere."""
    plain = keys.derived(f"demo:{project.slug}:{project.pk}")
    if keys.find(plain) is None:
        keys.create_key(
            project=project,
            scopes=["predict"],
            name="demo",
            by=COMMAND_LINE,
            plain=plain,
        )
    return plain
