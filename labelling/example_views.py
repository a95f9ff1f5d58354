"""Component 2, Data Labeller: the data manager. Reviewers see every example and what
became of it; everybody finds, and mends, their own answers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from labelling.forms import AnswerForm, ReplyForm
from labelling.labeller import amend, browse, flags, progress
from labelling.labeller.export import MEDIA_TYPES
from labelling.labeller.face import Face, face_of, say
from labelling.labeller.reading import read_form
from labelling.models import Annotation, AnnotatorStat, Example, Flag
from registry import cards
from registry.clock import now as clock_now
from registry.errors import DomainError, NotFound
from registry.models import Project, User
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
    paused = AnnotatorStat.objects.filter(project=project, paused=True)
    return {
        "project": project,
        "place": "examples",
        "tab": tab,
        "disputed": disputed.order_by().values("pk")[:1000].count(),
        "paused_people": paused.count(),
    }


def _open_flags(project: Project) -> int:
    rows = Flag.objects.filter(example__project=project, replied_at=None)
    return rows.order_by().values("pk")[:1000].count()


def _next(asked: dict[str, str], found: browse.Found) -> str:
    if found.after is None:
        return ""
    kept = {name: value for name, value in asked.items() if value}
    return f"?{urlencode({**kept, 'before': found.after})}"


def face_of_example(project: Project, example: Example) -> Face:
    """What its card shows, and no more."""
    payload = cards.visible(
        example.payload.data, card=project.card, target=project.target
    )
    return face_of(project, payload)


def said(answer: Annotation) -> str:
    return "cannot tell" if answer.cannot_tell else say(answer.value)


def answered(
    request: HttpRequest,
    project: Project,
    verb: Callable[..., Annotation],
    about: int | None = None,
    **which: int,
) -> Annotation | AnswerForm:
    """Do with an answer what the verb does; refused, the form as it was typed."""
    try:
        return verb(
            project=project,
            user=request.actor.user,  # type: ignore[attr-defined]
            answer=read_form(request.POST, project),
            now=clock_now(),
            **which,
        )
    except NotFound:
        raise
    except DomainError as error:
        return AnswerForm(request.POST, project=project, about=about).refuse(error)


def _row(project: Project, example: Example) -> dict[str, Any]:
    return {
        "row": example,
        "brief": brief(face_of_example(project, example)),
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
    refused: ReplyForm | None = None
    if request.method == "POST":
        refused = _reply(request, project)
        if refused is None:
            return redirect(request.path)
    card = row.duplicate_of or row
    answers = Annotation.objects.filter(example=card).exclude(state="draft")
    context = place(project, "all") | {
        "example": row,
        "face": face_of_example(project, row),
        "said": say(row.answer),
        "answers": [
            {"row": one, "said": said(one)}
            for one in answers.select_related("user").order_by("-pk")[:100]
        ],
        "duplicates": row.duplicates.count(),
        "flags": [
            {"row": flag, "form": _reply_form(flag, refused)}
            for flag in Flag.objects.filter(example=row)
            .select_related("user", "replied_by")
            .order_by("-pk")[:50]
        ],
    }
    status = refused.status if refused else 200
    return render(request, "labelling/example.html", context, status=status)


def _reply_form(flag: Flag, refused: ReplyForm | None) -> ReplyForm:
    return refused if refused and refused.flag == flag.pk else ReplyForm(flag=flag.pk)


def _reply(request: HttpRequest, project: Project) -> ReplyForm | None:
    form = ReplyForm(request.POST, flag=whole_number(request.POST.get("flag")) or 0)
    try:
        flags.reply(
            project=project,
            flag_id=form.flag,
            by=request.actor.user,  # type: ignore[attr-defined]
            text=request.POST.get("reply", ""),
            now=clock_now(),
        )
    except DomainError as error:
        return form.refuse(error)
    return None


@project_page("labeller", POST="labeller")
def mine(request: HttpRequest, project: Project) -> HttpResponse:
    """One's own answers, to search and to change."""
    refused: AnswerForm | None = None
    if request.method == "POST":
        pk = whole_number(request.POST.get("annotation")) or 0
        done = answered(request, project, amend.change, pk, annotation_id=pk)
        if isinstance(done, Annotation):
            messages.success(request, "Your answer is changed.")
            return redirect(request.get_full_path())
        refused = done
    return _mine(request, project, refused)


def _mine(
    request: HttpRequest, project: Project, refused: AnswerForm | None = None
) -> HttpResponse:
    user = request.actor.user  # type: ignore[attr-defined]
    asked = {
        name: request.GET.get(name, "").strip()[:200] for name in ("state", "text")
    }
    found = browse.answers_of(
        project, user, asked=asked, before=whole_number(request.GET.get("before"))
    )
    answers = list(found.rows)
    if refused:  # what is refused is there, wherever the list begins
        answers = _with_refused(project, user, answers, refused)
    told = Flag.objects.filter(
        user=user, example__in=[row.example_id for row in answers]
    )
    replies: dict[int, list[Flag]] = {}
    for flag in told.select_related("replied_by").order_by("pk"):
        replies.setdefault(flag.example_id, []).append(flag)
    rows = [
        {
            **_row(project, row.example),
            "answer": row,
            "said": said(row),
            "flags": replies.get(row.example_id, []),
            "form": _answer_form(project, row, refused),
        }
        for row in answers
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
    status = refused.status if refused else 200
    return render(request, "labelling/mine.html", context, status=status)


def _answer_form(
    project: Project, row: Annotation, refused: AnswerForm | None
) -> AnswerForm:
    if refused and refused.about == row.pk:
        return refused
    value = row.value if project.is_classification else say(row.value)
    return AnswerForm(project=project, about=row.pk, value=value)


def _with_refused(
    project: Project, user: User, rows: list[Annotation], refused: AnswerForm
) -> list[Annotation]:
    """The form is about the newest answer by now: saved once more, that one changes."""
    own = Annotation.objects.filter(user=user, example__project=project)
    before = (
        own.select_related("example__payload").filter(pk=refused.about or 0).first()
    )
    if before is None:
        return rows
    newest = amend.newest_of(before)
    refused.about = newest.pk
    return rows if newest in rows else [newest, *rows]
