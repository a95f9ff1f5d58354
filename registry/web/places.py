"""The places of a project and of the house: one list for the rail and the palette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry.models import Membership, Project, User

NEAR = 20  # projects in the rail; all of them are a page


@dataclass(frozen=True)
class Place:
    """Where one can go: an icon of the sprite, a word, and who may."""

    key: str
    text: str
    path: str  # after /p/{project}, or of the house
    role: str = "viewer"
    words: str = ""  # what else people call it
    icon: str = ""

    @property
    def drawn(self) -> str:
        return self.icon or self.key


LOOP = (  # the article's order: what happens to a model in its life
    Place("overview", "Overview", "", words="home verdict status"),
    Place("label", "Label", "/label", "labeller", "annotate queue"),
    Place("data", "Data", "/data", words="datasets schema upload profile"),
    Place("models", "Models", "/models", words="leaderboard versions compare"),
    Place("rollout", "Rollout", "/rollout", words="canary promote rollback share"),
    Place("monitor", "Monitor", "/monitor", words="performance drift charts"),
)
MORE = (
    Place("runs", "Runs", "/runs", words="train build schedule"),
    Place("alerts", "Alerts", "/alerts", words="alarm warning"),
    Place("predictions", "Predictions", "/predictions", "owner", "log answers"),
    Place("examples", "Examples", "/examples", "labeller", "answers", icon="flag"),
    Place("try", "Try it", "/try", words="console curl request"),
    Place("settings", "Settings", "/settings", "owner", "members keys costs audit"),
)
HOUSE = (
    Place("projects", "All projects", "/", "user"),
    Place("new", "New project", "/new", "creator", "upload table csv", icon="plus"),
    Place("api", "API manual", "/api/docs", "user", "openapi rest", icon="external"),
    Place("operator", "Operator", "/operator", "staff", "workers jobs storage"),
    Place("password", "My password", "/password", "user", "account", icon="user"),
)


def of_project(project: Project, actor: Any) -> tuple[list[Place], list[Place]]:
    """The loop's places and the others, as far as the actor may go there."""
    loop, more = (
        [place for place in places if actor.may(place.role)] for places in (LOOP, MORE)
    )
    return loop, more


def way_in(row: Membership) -> str:
    """Where somebody begins in a project of theirs."""
    labels_only = row.role in {"labeller", "reviewer"}
    return f"/p/{row.project.slug}{'/label' if labels_only else ''}"


def others(user: User, project: Project) -> list[dict[str, str]]:
    """Somebody's projects but the one at hand, in one query."""
    rows = Membership.objects.filter(user=user).exclude(project=project)
    near = rows.select_related("project").order_by("project__name")[:NEAR]
    return [{"url": way_in(row), "text": row.project.name} for row in near]


def of_house(user: Any) -> list[Place]:
    """Where everybody, and those who may create projects, and staff, may go."""
    may = {"user": True, "creator": user.creates_projects, "staff": user.is_staff}
    return [place for place in HOUSE if may[place.role]]
