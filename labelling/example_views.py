"""Component 2, Data Labeller: the data manager. Reviewers see every example and what
became of it; everybody finds, and mends, their own answers."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from labelling.labeller import amend, browse, flags, progress
from labelling.labeller.export import MEDIA_TYPES
from labelling.labeller.face import Face, face_of, say
from labelling.labeller.reading import read_form
from labelling.models import Annotation, AnnotatorStat, Example, Flag
from registry import cards
from registry.clock import now as clock_now
from registry.errors import DomainError, NotFound
from registry.models import Project
from registry.web.pages import project_page, whole_number

FILTERS = ("state", "answer", "annotator", "source", "flagged", "text")
SOURCES = (("imported", "imported"), ("production", "production"), ("gold", "gold"))


@project_page("labeller")
def examples(request: HttpRequest, project: Project) -> HttpResponse:
    """Reviewers: the list with its filters. A labeller: their own answers."""
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.may("reviewer"):
        return _mine(request, project)
    asked = {name: request.GET.get(name, "").strip()[:200] for name in FILTERS}
    found = browse.examples(
        project, asked=asked, before=whole_number(request.GET.get("before"))
    )
    context = place(project, "all") | {
        "asked": asked,
        "filtered": any(asked.values()),
        "rows": [_row(project, row) for row in found.rows],
        "found": found,
        "next": _next(asked, found),
        "states": Example.State.choices,
        "sources": SOURCES,
        "names": AnnotatorStat.objects.filter(project=project)
        .order_by("user__username")
        .values_list("user__username", flat=True)[:200],
        "progress": progress.progress(project=project, user=actor.user),
        "formats": MEDIA_TYPES,
        "flags": _open_flags(project),
    }
    return render(request, "labelling/examples.html", context)


def place(project: Project, tab: str) -> dict[str, Any]:
    """What every page of the data manager shows above its own."""
    disputed = Example.objects.filter(project=project, state="disputed")
    return {
        "project": project,
        "place": "examples",
        "tab": tab,
        "disputed": disputed.order_by().values("pk")[:1000].count(),
    }


def _open_flags(project: Project) -> int:
    rows = Flag.objects.filter(example__project=project, replied_at=None)
    return rows.order_by().values("pk")[:1000].count()


def _next(asked: dict[str, str], found: browse.Found) -> str:
    if found.after is None:
        return ""
    kept = {name: value for name, value in asked.items() if value}
    return f"?{urlencode({**kept, 'before': found.after})}"


def _row(project: Project, example: Example) -> dict[str, Any]:
    payload = cards.visible(
        example.payload.data, card=project.card, target=project.target
    )
    return {
        "row": example,
        "brief": brief(face_of(project, payload)),
        "said": say(example.answer),
    }


def brief(face: Face) -> dict[str, Any]:
    """An item in one line: its image, or its first words."""
    image = next((one for one in face.itself if one.kind == "image"), None)
    told = [one for one in face.itself if one.kind != "image" and one.text]
    named = face.facts
    text = " · ".join(
        f"{one.name} {one.text}" if named else one.text for one in told[:4]
    )
    return {"image": image, "text": text}


@project_page("reviewer", POST="reviewer")
def example(request: HttpRequest, project: Project, id: int) -> HttpResponse:
    """One example: what it is, who said what of it, flags and their replies."""
    row = (
        Example.objects.select_related("payload", "duplicate_of")
        .filter(project=project, pk=id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such example in this project.")
    if request.method == "POST":
        return _reply(request, project)
    card = row.duplicate_of or row
    answers = Annotation.objects.filter(example=card).exclude(state="draft")
    context = place(project, "all") | {
        "example": row,
        "face": face_of(
            project,
            cards.visible(row.payload.data, card=project.card, target=project.target),
        ),
        "said": say(row.answer),
        "answers": [
            {"row": one, "said": "cannot tell" if one.cannot_tell else say(one.value)}
            for one in answers.select_related("user").order_by("-pk")[:100]
        ],
        "duplicates": row.duplicates.count(),
        "flags": Flag.objects.filter(example=row)
        .select_related("user", "replied_by")
        .order_by("-pk")[:50],
    }
    return render(request, "labelling/example.html", context)


def _reply(request: HttpRequest, project: Project) -> HttpResponse:
    try:
        flags.reply(
            project=project,
            flag_id=whole_number(request.POST.get("flag")) or 0,
            by=request.actor.user,  # type: ignore[attr-defined]
            text=request.POST.get("reply", ""),
            now=clock_now(),
        )
    except DomainError as error:
        messages.error(request, error.detail)
    return redirect(request.path)


@project_page("labeller", POST="labeller")
def mine(request: HttpRequest, project: Project) -> HttpResponse:
    """One's own answers, to search and to change."""
    if request.method == "POST":
        try:
            amend.change(
                project=project,
                annotation_id=whole_number(request.POST.get("annotation")) or 0,
                user=request.actor.user,  # type: ignore[attr-defined]
                answer=read_form(request.POST, project),
                now=clock_now(),
            )
            messages.success(request, "Your answer is changed.")
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.get_full_path())
    return _mine(request, project)


def _mine(request: HttpRequest, project: Project) -> HttpResponse:
    user = request.actor.user  # type: ignore[attr-defined]
    asked = {
        name: request.GET.get(name, "").strip()[:200] for name in ("state", "text")
    }
    found = browse.answers_of(
        project, user, asked=asked, before=whole_number(request.GET.get("before"))
    )
    told = Flag.objects.filter(
        user=user, example__in=[row.example_id for row in found.rows]
    )
    replies: dict[int, list[Flag]] = {}
    for flag in told.select_related("replied_by").order_by("pk"):
        replies.setdefault(flag.example_id, []).append(flag)
    rows = [
        {
            **_row(project, row.example),
            "answer": row,
            "said": "cannot tell" if row.cannot_tell else say(row.value),
            "flags": replies.get(row.example_id, []),
        }
        for row in found.rows
    ]
    context = place(project, "mine") | {
        "asked": asked,
        "filtered": any(asked.values()),
        "rows": rows,
        "found": found,
        "next": _next(asked, found),
        "states": [name for name in Annotation.State.values if name != "draft"],
        "stat": AnnotatorStat.objects.filter(project=project, user=user).first(),
    }
    return render(request, "labelling/mine.html", context)
