"""Pages of owners: the projects with their verdicts, and one project's first screen."""

import hashlib
from typing import Any

from django.contrib import messages
from django.db.models import (
    Case,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    SmallIntegerField,
    When,
)
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.template.loader import render_to_string

from monitoring.models import Alert
from monitoring.notes import NoteForm
from monitoring.owner import cards, goal, loop
from monitoring.owner.aim import AimForm, target_of
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
from registry.errors import NotFound
from registry.models import Membership, Project
from registry.web import keyset
from registry.web.charts import answer
from registry.web.pages import house_page, project_page
from serving.rollout_story import next_of

OPEN = (Alert.State.FIRING, Alert.State.ACKNOWLEDGED)
PAGE = 60
LABELS_ONLY = ("labeller", "reviewer")
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
    needy = _by_need(found.order_by(), user)
    page = keyset.page(needy, request, order=("calm", "slug"), limit=PAGE)
    context = {
        "rows": _rows(page["results"], user=user, now=now),
        "next": page["next"],
        "search": search,
        "matching": found.count() if search else total,
        "total": total,
        "searchable": total > SEARCHED_FROM,
        "may_create": user.creates_projects,
    }
    return render(request, "monitoring/projects.html", context)


def _by_need(found: QuerySet[Project], user: Any) -> QuerySet[Project]:
    """Each project with whether it is `calm`: an alert fires in the others, where this
    person is one to see it."""
    firing = Alert.objects.filter(project=OuterRef("pk"), state=Alert.State.FIRING)
    sees = Membership.objects.filter(project=OuterRef("pk"), user=user)
    sees = sees.exclude(role__in=LABELS_ONLY)
    return found.annotate(
        calm=Case(
            When(Exists(firing) & Exists(sees), then=0),
            default=1,
            output_field=SmallIntegerField(),
        )
    )


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
    return [
        {
            "project": project,
            "sees": roles.get(project.pk) not in LABELS_ONLY,
            "rollout": rollouts.get(project.pk),
            "standing": summaries.get(project.pk),
            "alerts": alerts.get(project.pk, {}),
            "terms": terms_of(project),
        }
        for project in found
    ]


@project_page(("viewer", "labeller"), POST="owner")
def project(request: HttpRequest, project: Project) -> HttpResponse:
    """The owner's first screen, where they write a note and set a target. A labeller is
    led to what is theirs."""
    if not request.actor.may("viewer"):  # type: ignore[attr-defined]
        return redirect("label", project.slug)
    note, aim = NoteForm(), AimForm(target=target_of(project))
    if request.method == "POST":
        do, by = request.POST.get("do"), request.actor.user  # type: ignore[attr-defined]
        if do == "note":
            note = NoteForm(request.POST)
            if note.is_valid():
                note.save(project=project, by=by)
                return redirect("project", project.slug)
        elif do == "target":
            aim = AimForm(request.POST, target=None)
            if aim.is_valid():
                messages.success(request, aim.save(project=project, by=by))
                return redirect("project", project.slug)
        else:
            raise NotFound("There is no such button.")
    context = _overview(request, project) | {"note": note, "aim_form": aim}
    status = max(note.status, aim.status)
    return render(request, "monitoring/overview.html", context, status=status)


def _overview(request: HttpRequest, project: Project) -> dict[str, Any]:
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
        "run_next": next_of(seen.run, rollout) if seen.run else "",
        "notes": project.notes.select_related("author")[:5],
        "datasets": project.datasets.exists(),
    }
    context |= _loop(project, seen)
    if rollout is not None:
        context |= _standing(project, rollout, now=now)
    return context


def _standing(project: Project, rollout: Any, *, now: Any) -> dict[str, Any]:
    found = standing(rollout, now=now)
    live, target = found["sides"]["live"], target_of(project)
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
