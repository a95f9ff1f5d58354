"""Pages of this floor: the labelling screen, the data manager, a prediction's truth."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from labelling.labeller.annotate import read_answer, skip, submit, undo
from labelling.labeller.queue import Card, card_of, hand_out
from labelling.models import Annotation, Example, GroundTruth, Lease
from registry import cards
from registry.clock import now as clock_now
from registry.errors import DomainError, InvalidInput
from registry.models import Project
from registry.web.pages import project_page, whole_number

PAGE = 50
MINE = 20  # own answers shown


@project_page("labeller", POST="labeller")
def label(request: HttpRequest, project: Project) -> HttpResponse:
    """One item, its answers with their keys, and undo. Works without JavaScript."""
    actor = request.actor  # type: ignore[attr-defined]
    if request.method == "POST":
        try:
            _act(request, project)
        except DomainError as error:
            messages.error(request, error.detail)
        return redirect(request.path)
    now = clock_now()
    card, wait = _current(project, actor, now=now)
    context = {
        "project": project,
        "place": "label",
        "card": card,
        "wait": wait,
        "fields": _shown(project, card),
        "choices": _choices(project),
        "client_key": uuid4().hex,
        "open": Example.objects.filter(project=project, open_slots__gt=0).count(),
        "mine": Annotation.objects.filter(
            example__project=project, user=actor.user, state="submitted"
        ).count(),
    }
    return render(request, "labelling/label.html", context)


def _current(
    project: Project, actor: Any, *, now: Any
) -> tuple[Card | None, int | None]:
    """The card this person holds already (a reload shows the same one), else the next."""
    held = (
        Lease.objects.select_related("example__payload")
        .filter(
            example__project=project,
            user=actor.user,
            ended=False,
            expires_at__gt=now,
        )
        .order_by("-created_at")  # after an undo, the card that came back
        .first()
    )
    if held:
        return card_of(project, held, held.example), None
    handout = hand_out(
        project=project,
        user=actor.user,
        reviews=actor.may("reviewer"),
        count=1,
        now=now,
    )
    card = handout.cards[0] if handout.cards else None
    return card, handout.retry_after


def _shown(project: Project, card: Card | None) -> list[tuple[str, Any]]:
    """What the labeller sees, in the order that the project's card says."""
    if card is None:
        return []
    seen = cards.shown(
        card.payload, fields=project.fields, card=project.card, target=project.target
    )
    return [(one.name, one.value) for one in seen]


def _choices(project: Project) -> list[dict[str, str]]:
    if not project.is_classification:
        return []
    keys = "1234567890"
    return [
        {"value": name, "key": keys[i] if i < len(keys) else ""}
        for i, name in enumerate(project.classes)
    ]


def _act(request: HttpRequest, project: Project) -> None:
    actor, now = request.actor, clock_now()  # type: ignore[attr-defined]
    do, user = request.POST.get("do", "answer"), actor.user
    if do == "undo":
        undo(project=project, user=user, now=now)
        return
    example, token = _named(request)
    if do == "skip":
        reason = request.POST.get("reason", "")[:200]
        skip(
            project=project,
            example_id=example,
            user=user,
            token=token,
            reason=reason,
            now=now,
        )
        return
    value: Any = request.POST.get("value")
    if not project.is_classification and do != "cannot_tell":
        value = _number(value)
    cannot = do == "cannot_tell"
    submit(
        project=project,
        example_id=example,
        user=user,
        reviews=actor.may("reviewer"),
        token=token,
        answer=read_answer(
            project=project, value=None if cannot else value, cannot_tell=cannot
        ),
        client_key=request.POST.get("client_key", "")[:64] or uuid4().hex,
        count=0,
        now=now,
    )


def _named(request: HttpRequest) -> tuple[int, UUID]:
    example = whole_number(request.POST.get("example"))
    try:
        lease = UUID(request.POST.get("lease", ""))
    except ValueError:
        lease = None
    if example is None or lease is None:
        raise InvalidInput("This form is damaged: load the page again.")
    return example, lease


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise InvalidInput("Write a number.") from None


@project_page("labeller")
def examples(request: HttpRequest, project: Project) -> HttpResponse:
    """Reviewers see every example and its state; a labeller sees their own answers."""
    actor = request.actor  # type: ignore[attr-defined]
    mine = (
        Annotation.objects.filter(example__project=project, user=actor.user)
        .exclude(state="draft")
        .select_related("example")
        .order_by("-id")[:MINE]
    )
    context: dict[str, Any] = {"project": project, "place": "label", "mine": mine}
    if actor.may("reviewer"):
        rows = Example.objects.filter(project=project).order_by("-id")
        state = request.GET.get("state", "")
        if state in Example.State.values:
            rows = rows.filter(state=state)
        if before := whole_number(request.GET.get("before")):
            rows = rows.filter(pk__lt=before)
        found = list(rows.select_related("payload")[: PAGE + 1])
        counts = Example.objects.filter(project=project).values_list("state")
        context |= {
            "rows": found[:PAGE],
            "states": Example.State.choices,
            "state": state,
            "counts": dict(counts.annotate(n=Count("id")).order_by()),
            "next": f"?state={state}&before={found[PAGE - 1].pk}"
            if len(found) > PAGE
            else "",
            "truths": GroundTruth.objects.filter(project=project).count(),
        }
    return render(request, "labelling/examples.html", context)
