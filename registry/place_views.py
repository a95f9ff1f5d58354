"""Pages of this floor: what is in the data, what features are made of it, and the
project's settings: members, keys, schema, costs, audit."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from registry import keys, people
from registry.catalogue import METRICS, ROLES, SCOPES
from registry.definition_store import definition_of
from registry.errors import DomainError, NotFound
from registry.models import Project, User
from registry.web.pages import project_page, whole_number


@project_page("viewer")
def data(request: HttpRequest, project: Project) -> HttpResponse:
    """Datasets with their parts, the newest one's columns, and what is wrong there."""
    datasets = project.datasets.select_related("split")[:50]
    newest = datasets[0] if datasets else None
    context: dict[str, Any] = {
        "project": project,
        "place": "data",
        "datasets": datasets,
        "newest": newest,
        "sources": project.sources.all(),
    }
    if newest:
        profile = newest.profile
        context["columns"] = [
            {**column, "figures": profile.get(column["name"], {})}
            for column in newest.columns
        ]
    return render(request, "registry/data.html", context)


@project_page("viewer")
def features(request: HttpRequest, project: Project) -> HttpResponse:
    """What the Featurizer makes of an input: looked up, and computed."""
    definition = definition_of(project)
    context = {
        "project": project,
        "place": "data",
        "lookups": definition.lookups if definition else [],
        "features": definition.row_features if definition else [],
    }
    return render(request, "registry/features.html", context)


@project_page("owner", POST="admin")
def settings(request: HttpRequest, project: Project) -> HttpResponse:
    """Who may do what here, and what was decided about the project."""
    context: dict[str, Any] = {}
    if request.method == "POST":
        verb = VERBS.get(request.POST.get("do", ""))
        if verb is None:
            raise NotFound("There is no such button.")
        try:
            shown_once = verb(request, project)
        except DomainError as error:
            messages.error(request, error.detail)
            shown_once = None
        if not shown_once:
            return redirect(request.path)
        context = dict(shown_once)  # a secret is shown in this answer alone
    may_edit = request.actor.may("admin")  # type: ignore[attr-defined]
    people_here = project.memberships.filter(user__is_service=False)
    context |= {
        "project": project,
        "place": "settings",
        "may_edit": may_edit,
        "members": people_here.select_related("user").order_by("user__username"),
        "keys": project.keys.select_related("user") if may_edit else [],
        "roles": ROLES,
        "scopes": SCOPES,
        "metric": METRICS.get(project.primary_metric),
        "audit": project.audit.all()[:30],
    }
    return render(request, "registry/settings.html", context)


def _user(request: HttpRequest) -> User:
    name = request.POST.get("user", "").strip()
    found = User.objects.filter(username=name, is_service=False).first()
    if found is None:
        raise NotFound(f"There is nobody called {name}. Staff create people.")
    return found


def _set_role(request: HttpRequest, project: Project) -> None:
    role = request.POST.get("role", "")
    actor = request.actor  # type: ignore[attr-defined]
    people.set_role(project=project, user=_user(request), role=role, by=actor)


def _remove(request: HttpRequest, project: Project) -> None:
    actor = request.actor  # type: ignore[attr-defined]
    people.remove_member(project=project, user=_user(request), by=actor)


def _new_key(request: HttpRequest, project: Project) -> dict[str, str]:
    key, plain = keys.create_key(
        project=project,
        name=request.POST.get("name", "").strip(),
        scopes=request.POST.getlist("scopes"),
        by=request.actor,  # type: ignore[attr-defined]
    )
    return {"new_key": plain, "new_key_name": key.name}


def _revoke(request: HttpRequest, project: Project) -> None:
    number = whole_number(request.POST.get("key")) or 0
    found = project.keys.filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such key.")
    keys.revoke(key=found, by=request.actor)  # type: ignore[attr-defined]


VERBS: dict[str, Any] = {
    "role": _set_role,
    "remove": _remove,
    "key": _new_key,
    "revoke": _revoke,
}
