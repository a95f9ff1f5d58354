"""Component 2, Data Labeller: the labelling screen. One key answers, and the next card
is there already; without a script the same buttons are plain forms."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from labelling.forms import AnswerForm
from labelling.labeller import flags, fresh, gold, guidelines, heads, held
from labelling.labeller.annotate import skip, submit, undo
from labelling.labeller.face import choices, face_of, say
from labelling.labeller.progress import mine, progress
from labelling.labeller.queue import MOST_AT_ONCE, Card, Handout, hand_out
from labelling.labeller.reading import read_form
from labelling.models import AnnotatorStat
from registry.clock import now as clock_now
from registry.errors import DomainError, InvalidInput
from registry.models import Project, User
from registry.web.pages import project_page, whole_number

HELD = 3  # cards in a page: one seen, two behind it
WORDS = {
    "cold start": "unlike what was labelled so far",
    "least sure": "the model is least sure here",
    "unlike the others": "unlike what was labelled so far",
    "random": "drawn at random",
    "random answer": "drawn at random from production's answers",
    "disputed": "people disagree: you decide",
    "reported wrong": "a user said the answer was wrong",
    "low confidence": "production was hardly sure",
    "models disagree": "two models disagree",
}


@project_page("labeller", POST="labeller")
def label(request: HttpRequest, project: Project) -> HttpResponse:
    """The screen; a POST is the plain form of a page without scripts."""
    user = request.actor.user  # type: ignore[attr-defined]
    refused: AnswerForm | None = None
    if request.method == "POST":
        try:
            _act(request, project, now=clock_now())
            return redirect(request.path)
        except DomainError as error:
            about = whole_number(request.POST.get("example"))
            typed = AnswerForm(request.POST, project=project, about=about)
            refused = typed.refuse(error)
    handout = _on_opening(request, project, user, now=clock_now())
    context = {
        "project": project,
        "place": "label",
        "cards": (cards := _shown(project, user, handout.cards)),
        "wait": handout.retry_after,
        "paused": handout.paused,
        "choices": choices(project),
        "progress": progress(project=project, user=user, held=len(handout.cards)),
        "guideline": guidelines.current(project),
        "skips": flags.SKIP_REASONS,
        "next_run": fresh.next_run(project),
        "any": bool(handout.cards) or heads.newest_of(project) > 0,
        "card": handout.cards[0] if handout.cards else None,
    }
    if refused:
        _keep(request, cards, refused)
    status = refused.status if refused else 200
    return render(request, "labelling/label.html", context, status=status)


def _keep(
    request: HttpRequest, cards: list[dict[str, Any]], refused: AnswerForm
) -> None:
    """What was typed stays on its card, if that is still here; else the page says what
    was wrong."""
    for shown in cards:
        if shown["card"].example.pk == refused.about:
            shown["form"] = refused
            return
    for words in (each for told in refused.errors.values() for each in told):
        messages.error(request, str(words))


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
        "paused": handout.paused,
        "guideline": handout.paused and guidelines.current(project),
        "asked": done is not None,
        "mine": mine(project=project, user=user),
        "next_run": fresh.next_run(project),
    }
    return render(request, "labelling/partials/step.html", context)


def _on_opening(
    request: HttpRequest, project: Project, user: User, *, now: datetime
) -> Handout:
    """The cards this person holds (a reload shows the same one), else the next."""
    stat = AnnotatorStat.objects.filter(project=project, user=user).first()
    if paused := gold.why_paused(stat):
        return Handout(paused=paused)
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
            "why": WORDS.get(card.reason, card.reason),
            "was": before.get(card.example.pk, ""),
            "suggestion": _suggested(card),
            "form": AnswerForm(project=project, about=card.example.pk),
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
    if "halfway" in request.POST:
        user = request.actor.user  # type: ignore[attr-defined]
        back = held.came_back(project=project, user=user, here=_here(request), now=now)
        return Handout(cards=back[:1]) if back else None
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
    if "halfway" in request.POST:  # it may have been done, and never told
        here = _here(request)
        card = held.undo_once(project=project, user=user, here=here, now=now)
    else:
        _, card = undo(project=project, user=user, now=now)
    return Handout(cards=[card])


def _here(request: HttpRequest) -> set[int | None]:
    """Cards that the page shows."""
    return {whole_number(one) for one in request.POST.getlist("here")}


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
