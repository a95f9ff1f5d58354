"""The demo's people, one a role; whoever starts the demo gets a link for each."""

from itertools import count
from threading import Lock

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

ONE_BY_ONE = Lock()  # two stories told at once meet the same people


def cast(project: Project) -> dict[str, User]:
    """Everybody by role, members of the project; whoever runs the house is an admin."""
    found = {role: _member(project, name, role) for name, role in CAST.items()}
    for user in User.objects.filter(is_superuser=True, is_active=True):
        Membership.objects.get_or_create(
            project=project, user=user, defaults={"role": "admin"}
        )
    return found


def labellers(project: Project) -> list[User]:
    """Erin, and Omar who labels beside her."""
    return [_member(project, name, "labeller") for name in ("erin", "omar")]


def _member(project: Project, name: str, role: str) -> User:
    """Somebody of that name, who may be there already, however it is written; a role
    that they have stays theirs."""
    with ONE_BY_ONE:
        user = User.objects.filter(username__iexact=name).first()
        if user is None:
            user = people.create_user(name=name, by=COMMAND_LINE, staff=role == "admin")
    if not Membership.objects.filter(project=project, user=user).exists():
        people.set_role(project=project, user=user, role=role, by=COMMAND_LINE)
    return user


def known(project: Project) -> dict[str, User]:
    """Who of them is still there, by role."""
    members = Membership.objects.select_related("user").filter(project=project)
    named = {member.user.get_username().lower(): member.user for member in members}
    return {role: named[name] for name, role in CAST.items() if name in named}


def links(users: dict[str, User]) -> dict[str, str]:
    """A fresh one-time sign-in link for each role."""
    return {
        role: people.sign_in_link(user=user, purpose="demo", by=COMMAND_LINE)
        for role, user in users.items()
    }


def key_of(project: Project) -> str:
    """The demo's own predict key: the same text at every start, kept nowhere; another
    one where people ended the last."""
    entropy = f"demo:{project.slug}:{project.pk}"
    for number in count(1):
        plain = keys.derived(f"{entropy}:{number}" if number > 1 else entropy)
        if keys.find(plain) is not None:
            break
        if not keys.is_spent(plain):
            keys.create_key(
                project=project,
                scopes=["predict"],
                name="demo",
                by=COMMAND_LINE,
                plain=plain,
            )
            break
    return plain
