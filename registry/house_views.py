"""Pages of the house itself: where one can go, and how its parts look."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry.actors import Actor
from registry.errors import NotFound
from registry.forms import PageForm
from registry.models import Membership
from registry.web import charts, gallery, places, undo
from registry.web.pages import house_page

SHOWN = 200  # projects in the palette
STATES = ("good", "warning", "bad", "unknown", "accent")
LONG = "Predicted time of arrival of international parcels, customs included, " * 2


@house_page("user")
def palette(request: Any) -> HttpResponse:
    """Everywhere this person can go, the project at hand first."""
    slug = request.GET.get("project", "")
    rows = (
        Membership.objects.filter(user=request.user)
        .select_related("project")
        .order_by("project__name")[:SHOWN]
    )
    groups = [
        _project(row)
        for row in rows
        if row.project.slug == slug  # a stranger's project is in no row
    ]
    groups.append({"title": "Projects", "items": [_entry(row) for row in rows]})
    groups.append(
        {
            "title": "The house",
            "items": [
                {"url": p.path, "text": p.text, "icon": p.drawn, "words": p.words}
                for p in places.of_house(request.user)
            ],
        }
    )
    return render(request, "registry/palette.html", {"groups": groups})


def _project(row: Membership) -> dict[str, Any]:
    loop, more = places.of_project(row.project, Actor(user=row.user, role=row.role))
    return {
        "title": row.project.name,
        "items": [
            {
                "url": f"/p/{row.project.slug}{place.path}",
                "text": place.text,
                "icon": place.drawn,
                "words": place.words,
            }
            for place in (*loop, *more)
        ],
    }


def _entry(row: Membership) -> dict[str, str]:
    return {
        "url": places.way_in(row),
        "text": row.project.name,
        "icon": "projects",
        "words": row.project.slug,
    }


@house_page("user")
def styleguide_chart(request: HttpRequest, name: str) -> HttpResponse:
    """One chart of the style guide, as a page's own would be asked for."""
    found = gallery.charts().get(name)
    if not settings.DEBUG or found is None:
        raise NotFound("There is no such chart.")
    return charts.answer(request, found)


class GuideForm(PageForm):
    """A field that is right, one that is refused, one to choose from, one to tick."""

    name = forms.CharField(help_text="What people will call it.")
    budget = forms.IntegerField(
        label="Budget, seconds",
        min_value=5,
        error_messages={"invalid": "Write a whole number, 5 or more."},
    )
    kind = forms.ChoiceField(choices=[("numeric", "numeric"), ("text", "text")])


@house_page("user")
def styleguide(request: HttpRequest) -> HttpResponse:
    """Each component in its states, for whoever builds a page; with DEBUG only."""
    if not settings.DEBUG:
        raise NotFound("The style guide is there with DEBUG=true.")
    messages.error(request, "The file has 3 columns in row 7, and 4 elsewhere.")
    undo.offer(request, "Erin is no member any more.", action="/styleguide")
    form = GuideForm({"name": LONG, "budget": "ten", "kind": "text"})
    form.is_valid()
    form.fields["budget"].widget.attrs.pop("autofocus")  # no form was sent
    context = {
        "states": STATES,
        "form": form,
        "long": LONG,
        "trend": [3.1, 3.4, None, 3.2, 4.0, 4.4, 4.1],
        "charts": list(gallery.charts()),
        "swatches": [*(f"n{step}" for step in range(8)), *reversed(STATES)],
    }
    return render(request, "registry/styleguide.html", context)
