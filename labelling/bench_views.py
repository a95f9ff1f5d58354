"""Component 2, Data Labeller: the labelling screen. One key answers, and the next card
is there already; without a script the same buttons are plain forms."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from labelling.labeller import flags, guidelines, heads, held
from labelling.labeller.annotate import skip, submit, undo
from labelling.labeller.face import choices, face_of, say
from labelling.labeller.progress import mine, progress
from labelling.labeller.queue import MOST_AT_ONCE, Card, Handout, hand_out
from labelling.labeller.reading import read_form
from registry.clock import now as clock_now
from registry.errors import DomainError, Forbidden, InvalidInput
from registry.models import Project, User
from registry.web.pages import project_page, whole_number

HELD = 3  # cards in a page: one seen, two behind it
WORDS = {
    "cold start": "unlike what was labelled so far",
    "least sure": "the model is least sure here",
    "unlike the others": "unlike what was labelled so far",
    "random": "drawn at random",
    "gold": "drawn at random",  # nobody is told what is a test
    "disputed": "people disagree: you decide",
    "reported wrong": "a user said the answer was wrong",
    "low confidence": "production was hardly sure",
    "models disagree": "two models disagree",
}


@project_page("labeller", POST="labeller")
def label(request: HttpRequest, project: Project) -> HttpResponse:
    """The screen; a POST is the plain form of a page without scripts."""
    user = request.actor.user  # type: ignore[attr-defined]
    if request.method == "POST":
        try:
            _act(request, project, now=clock_now())
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.path)
    paused = ""
    handout = Handout()
    try:
        handout = _on_opening(request, project, user, now=clock_now())
    except Forbidden as error:
        paused = error.detail
    context = {
        "project": project,
        "place": "label",
        "cards": _shown(project, user, handout.cards),
        "wait": handout.retry_after,
        "paused": paused,
        "choices": choices(project),
        "progress": progress(project=project, user=user, held=len(handout.cards)),
        "guideline": guidelines.current(project),
        "skips": flags.SKIP_REASONS,
        "any": bool(handout.cards) or heads.newest_of(project) > 0,
        "card": handout.cards[0] if handout.cards else None,
    }
    return render(request, "labelling/label.html", context)


@project_page(POST="labeller")
def step(request: HttpRequest, project: Project) -> HttpResponse:
    """One deed of the screen, in the background; the answer is cards and a count."""
    now, user = clock_now(), request.actor.user  # type: ignore[attr-defined]
    try:
        done = _act(request, project, now=now)
    except DomainError as error:
        return JsonResponse({"detail": error.detail}, status=error.status)
    handout = done if isinstance(done, Handout) else Handout()
    context = {
        "project": project,
        "cards": _shown(project, user, handout.cards),
        "choices": choices(project),
        "wait": handout.retry_after,
        "asked": done is not None,
        "mine": mine(project=project, user=user),
    }
    return render(request, "labelling/partials/step.html", context)


def _on_opening(
    request: HttpRequest, project: Project, user: User, *, now: datetime
) -> Handout:
    """The cards this person holds (a reload shows the same one), else the next."""
    cards = held.cards_of(project=project, user=user, now=now, most=HELD)
    if cards:
        return Handout(cards=cards)
    return hand_out(
        project=project, user=user, reviews=_reviews(request), count=1, now=now
    )


def _reviews(request: HttpRequest) -> bool:
    return bool(request.actor.may("reviewer"))  # type: ignore[attr-defined]


def _shown(project: Project, user: User, cards: list[Card]) -> list[dict[str, Any]]:
    """Cards with how they look; one that came back says what was answered."""
    before = held.answers_before(user=user, ids=[card.example.pk for card in cards])
    return [
        {
            "card": card,
            "face": face_of(project, card.payload),
            "client_key": uuid4().hex,
            "why": WORDS.get(card.lease.reason, card.lease.reason),
            "was": before.get(card.example.pk, ""),
            "suggestion": _suggested(card),
        }
        for card in cards
    ]


def _suggested(card: Card) -> dict[str, Any] | None:
    shown = card.lease.suggestion_shown
    return shown and {**shown, "said": say(shown["value"])}


def _act(request: HttpRequest, project: Project, *, now: datetime) -> Handout | None:
    """What a button asks for; the cards that follow, where some were asked for."""
    verb = VERBS.get(request.POST.get("do", "answer"))
    if verb is None:
        raise InvalidInput("There is no such button.")
    return verb(request, project, now)


def _answer(request: HttpRequest, project: Project, now: datetime) -> Handout | None:
    example, token = _named(request)
    count = _count(request)
    done = submit(
        project=project,
        example_id=example,
        user=request.actor.user,  # type: ignore[attr-defined]
        reviews=_reviews(request),
        token=token,
        answer=read_form(request.POST, project),
        client_key=request.POST.get("client_key", "")[:64] or uuid4().hex,
        count=count,
        now=now,
        again=False,
    )
    return done.next if count else None


def _skip(request: HttpRequest, project: Project, now: datetime) -> Handout | None:
    example, token = _named(request)
    skip(
        project=project,
        example_id=example,
        user=request.actor.user,  # type: ignore[attr-defined]
        token=token,
        reason=request.POST.get("reason", "")[:200],
        now=now,
    )
    return _more(request, project, now)


def _more(request: HttpRequest, project: Project, now: datetime) -> Handout | None:
    count = _count(request)
    if not count:
        return None
    return hand_out(
        project=project,
        user=request.actor.user,  # type: ignore[attr-defined]
        reviews=_reviews(request),
        count=count,
        now=now,
        again=False,
    )


def _undo(request: HttpRequest, project: Project, now: datetime) -> Handout:
    user = request.actor.user  # type: ignore[attr-defined]
    _, card = undo(project=project, user=user, now=now)
    return Handout(cards=[card])


def _flag(request: HttpRequest, project: Project, now: datetime) -> None:
    example = whole_number(request.POST.get("example"))
    flags.raise_flag(
        project=project,
        example_id=example or 0,
        user=request.actor.user,  # type: ignore[attr-defined]
        comment=request.POST.get("comment", ""),
        now=now,
    )


VERBS: dict[str, Any] = {
    "answer": _answer,
    "cannot_tell": _answer,
    "skip": _skip,
    "undo": _undo,
    "more": _more,
    "flag": _flag,
}


def _count(request: HttpRequest) -> int:
    wanted = whole_number(request.POST.get("next")) or 0
    return min(wanted, MOST_AT_ONCE)


def _named(request: HttpRequest) -> tuple[int, UUID]:
    example = whole_number(request.POST.get("example"))
    try:
        lease = UUID(request.POST.get("lease", ""))
    except ValueError:
        lease = None
    if example is None or lease is None:
        raise InvalidInput("This form is damaged: load the page again.")
    return example, lease
