"""Pages of owners: the projects with their verdicts, and one project's first screen."""

import hashlib
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from monitoring.models import Alert, Note, Target
from monitoring.owner import cards, goal, loop
from monitoring.owner.days import histories
from monitoring.owner.standing import (
    HISTORY,
    rollouts_of,
    standing,
    stored,
    terms_of,
)
from monitoring.verdicts.cards import target_words
from registry.clock import now as clock_now
from registry.errors import InvalidInput, NotFound
from registry.models import Membership, Project
from registry.web import keyset
from registry.web.charts import answer
from registry.web.pages import house_page, project_page, safe_next

OPEN = (Alert.State.FIRING, Alert.State.ACKNOWLEDGED)
PAGE = 60
SEARCHED_FROM = 8  # fewer projects are found by looking
LONGEST_SEARCH = 80


@house_page("user")
def projects(request: HttpRequest) -> HttpResponse:
    """Every project one may see, with its verdict; those in need come first."""
    user, now = request.actor.user, clock_now()  # type: ignore[attr-defined]
    mine = Project.objects.filter(memberships__user=user)
    total = mine.count()
    search = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    found = mine.filter(_matches(search)) if search else mine
    page = keyset.page(found.order_by(), request, order="slug", limit=PAGE)
    context = {
        "rows": _rows(page["results"], user=user, now=now),
        "next": page["next"],
        "search": search,
        "total": total,
        "searchable": total > SEARCHED_FROM,
        "may_create": user.creates_projects,
    }
    return render(request, "monitoring/projects.html", context)


def _matches(search: str) -> Q:
    parts = (
        Q(name__icontains=word)
        | Q(slug__icontains=word)
        | Q(description__icontains=word)
        for word in search.split()
    )
    found = Q()
    for part in parts:
        found &= part
    return found


def _rows(found: list[Project], *, user: Any, now: Any) -> list[dict[str, Any]]:
    """A fixed number of queries, however many projects."""
    roles = dict(
        Membership.objects.filter(user=user, project__in=found).values_list(
            "project", "role"
        )
    )
    rollouts = {row.project_id: row for row in rollouts_of(found)}
    summaries = stored(list(rollouts.values()), now=now)
    alerts: dict[int, dict[str, int]] = {}
    counts = Alert.objects.filter(project__in=found, state__in=OPEN).order_by()
    for key, state, n in counts.values_list("project", "state").annotate(Count("pk")):
        alerts.setdefault(key, {})[state] = n
    rows = [
        {
            "project": project,
            "sees": roles.get(project.pk) not in {"labeller", "reviewer"},
            "rollout": rollouts.get(project.pk),
            "standing": summaries.get(project.pk),
            "alerts": alerts.get(project.pk, {}),
            "terms": terms_of(project),
        }
        for project in found
    ]
    return sorted(rows, key=lambda row: not row["alerts"].get(Alert.State.FIRING))


@project_page(("viewer", "labeller"))
def project(request: HttpRequest, project: Project) -> HttpResponse:
    """The owner's first screen. A labeller is led to what is theirs."""
    if not request.actor.may("viewer"):  # type: ignore[attr-defined]
        return redirect("label", project.slug)
    now = clock_now()
    rollout = rollouts_of([project]).first()
    seen = loop.look(project, rollout, now=now)
    context: dict[str, Any] = {
        "project": project,
        "place": "overview",
        "rollout": rollout,
        "terms": terms_of(project),
        "alerts": project.alerts.filter(state__in=OPEN).select_related("rule")[:5],
        "fallbacks": seen.answered.get("fallback", 0),
        "answered": sum(n for role, n in seen.answered.items() if role != "shadow"),
        "queue": cards.queue_card(project, seen),
        "run": seen.run,
        "notes": project.notes.select_related("author")[:5],
        "datasets": project.datasets.exists(),
    }
    context |= _loop(project, seen)
    if rollout is not None:
        context |= _standing(project, rollout, now=now)
    return render(request, "monitoring/overview.html", context)


def _standing(project: Project, rollout: Any, *, now: Any) -> dict[str, Any]:
    found = standing(rollout, now=now)
    live, target = found["sides"]["live"], _target(project)
    return {
        "standing": found,
        "card": cards.rollout_card(rollout, now=now),
        "truth": cards.truth_card(
            project, coverage=live["coverage"], answers=live["answers"]
        ),
        "target": target,
        "aim": target
        and target_words(
            terms_of(project), target=target.value, value=live.get("value")
        ),
    }


def _target(project: Project) -> Target | None:
    return Target.objects.filter(project=project, metric=project.primary_metric).first()


def _loop(project: Project, seen: loop.Seen) -> dict[str, Any]:
    nodes = loop.nodes(seen)
    told = "|".join(f"{node.word}·{node.fact}·{node.tone}" for node in nodes)
    tag = hashlib.sha256(told.encode()).hexdigest()[:20]
    return {"nodes": nodes, "tag": f'"{tag}"', "project": project}


@project_page("viewer")
def loop_part(request: HttpRequest, project: Project) -> HttpResponse:
    """The diagram alone, asked for again and again: 304 as long as nothing moved."""
    seen = loop.look(project, rollouts_of([project]).first(), now=clock_now())
    context = _loop(project, seen)
    headers = {"ETag": context["tag"]}
    if request.headers.get("If-None-Match") == context["tag"]:
        return HttpResponseNotModified(headers=headers)
    page = render_to_string("monitoring/partials/loop.html", context, request)
    return HttpResponse(page, headers=headers)


@project_page("viewer")
def goal_chart(request: HttpRequest, project: Project) -> HttpResponse:
    """The goal over time, as a chart, a table and CSV."""
    now = clock_now()
    rollout = rollouts_of([project]).first()
    if rollout is None:
        raise NotFound("No model answers yet, so there is nothing to draw.")
    since = (now - HISTORY).date()
    history = histories([project], since=since, now=now)[project.pk]
    return answer(request, goal.goal_chart(rollout, history, now=now))


@project_page(POST="owner")
def set_target(request: HttpRequest, project: Project) -> HttpResponse:
    """The owner's aim for the goal; an empty field takes it away."""
    text = request.POST.get("value", "").strip().replace(",", ".")
    if not text:
        Target.objects.filter(project=project).delete()
        messages.success(request, "There is no target any more.")
        return redirect("project", project.slug)
    Target.objects.update_or_create(
        project=project,
        defaults={
            "metric": project.primary_metric,
            "value": _number(text),
            "set_by": request.actor.user,  # type: ignore[attr-defined]
            "set_at": clock_now(),
        },
    )
    messages.success(request, "The target is set; the chart draws it.")
    return redirect("project", project.slug)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:  # false for NaN too
        raise InvalidInput("The target: write a number.")
    return value


@project_page(POST="owner")
def add_note(request: HttpRequest, project: Project) -> HttpResponse:
    """The owner's own words on what happened just now."""
    text = request.POST.get("text", "").strip()
    if text:
        Note.objects.create(
            project=project,
            at=clock_now(),
            text=text[:500],
            author=request.actor.user,  # type: ignore[attr-defined]
        )
    return redirect(safe_next(request))
