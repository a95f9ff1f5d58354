"""Pages of versions: the leaderboard, two side by side, and the report of one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from monitoring.owner.evidence import gain_on_test
from monitoring.owner.standing import rollouts_of, terms_of
from monitoring.verdicts.terms import Terms
from monitoring.verdicts.verdict import version_words
from monitoring.versions import board, compare, mistakes
from monitoring.versions.curves import FOR_TWO, TALL, curve, drawn
from monitoring.versions.tested import reports_of
from monitoring.versions.told import TITLES, Told
from registry import storage
from registry.errors import NotFound
from registry.forms import PageForm
from registry.models import ModelVersion, Project
from registry.web.charts import answer
from registry.web.pages import project_page, whole_number
from serving.models import Rollout

FORMATS = ("skops", "onnx")


class ReasonForm(PageForm):
    """Why somebody decides so, for the record; one for each verb on the card."""

    reason = forms.CharField(
        label="Why, for the record",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "Why, for the record"}),
    )

    def __init__(self, typed: Any = None, *, verb: str) -> None:
        super().__init__(typed, auto_id=f"{verb}-%s")
        self.verb = verb


@project_page("viewer")
def models(request: HttpRequest, project: Project) -> HttpResponse:
    """The leaderboard, or two versions of it side by side."""
    rollout = rollouts_of([project]).first()
    chosen = _chosen(request)
    if len(chosen) == 2:
        return _compared(request, project, rollout, chosen)
    if chosen:
        messages.warning(request, "Choose two versions to compare.")
        return redirect("models", project.slug)
    show = request.GET.get("show", "used")
    show = show if show in board.SHOWN else "used"
    newest = request.GET.get("order") == "newest"
    terms, states = terms_of(project), board.counts(project)
    before = whole_number(request.GET.get("before"))
    rows, older = board.board(
        project, rollout, show=show, newest=newest, before=before, terms=terms
    )
    context = {
        "project": project,
        "place": "models",
        "terms": terms,
        "show": show,
        "newest": newest,
        "rows": rows,
        "most": board.MOST,
        "before": before,
        "older": older,
        "several": len({row.dataset for row in rows if row.dataset}) > 1,
        "verdict": board.sentence(rollout, terms, states),
        "filters": board.filters(states),
        "tried": board.tried(project, terms),
        "rollout": rollout,
    }
    return render(request, "monitoring/models.html", context)


def _chosen(request: HttpRequest) -> list[int]:
    """`?compare=2&compare=5` of the checkboxes, or `?compare=2,5` of a link."""
    texts = ",".join(request.GET.getlist("compare")[:20]).split(",")
    numbers = [whole_number(text) for text in texts]
    return list(dict.fromkeys(n for n in numbers if n))


def _version(project: Project, number: int) -> ModelVersion:
    found = (
        project.versions.defer("golden")
        .select_related(
            "dataset__split", "run__requested_by", "created_by", "decided_by"
        )
        .filter(number=number)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no version {number}.")
    found.project = project
    return found


def _compared(
    request: HttpRequest, project: Project, rollout: Rollout | None, chosen: list[int]
) -> HttpResponse:
    """The newer one against the older one; the baseline is always the second."""
    ours, theirs = (_version(project, n) for n in sorted(chosen, reverse=True))
    baseline = rollout.baseline_id if rollout else None
    if ours.pk == baseline:
        ours, theirs = theirs, ours
    terms, reports = terms_of(project), reports_of([ours, theirs])
    ours_test, theirs_test = reports.get(ours.pk), reports.get(theirs.pk)
    lines = compare.lines(ours_test, theirs_test, terms=terms, task=project.task)
    paired = compare.paired(ours, theirs, baseline=baseline)
    gain = paired or compare.goal_gain(lines, terms.metric.key)
    lines = compare.with_gain(lines, terms.metric.key, gain)
    same = bool(
        ours_test and theirs_test and ours_test.dataset_id == theirs_test.dataset_id
    )
    words, rests = compare.sentence(
        ours, theirs, gain, terms=terms, paired=paired is not None, same_rows=same
    )
    told = _told(reports, ours, theirs)
    context = {
        "project": project,
        "place": "models",
        "terms": terms,
        "ours": ours,
        "theirs": theirs,
        "ours_roles": board.roles_of(rollout, ours.pk),
        "theirs_roles": board.roles_of(rollout, theirs.pk),
        "gain": gain,
        "sentence": words,
        "rests": rests,
        "lines": lines,
        "facts": compare.facts(ours, theirs),
        "curves": _curves(project, drawn(told), f"{ours.number},{theirs.number}")
        if len(told) == 2
        else [],
    }
    return render(request, "monitoring/compare.html", context)


def _told(reports: dict[int, Any], *versions: ModelVersion) -> list[Told]:
    roles = ("live", "candidate") if len(versions) > 1 else ("live",)
    return [
        Told(
            name=f"Version {version.number}",
            role=role,
            report=reports[version.pk].report,
        )
        for version, role in zip(versions, roles, strict=True)
        if version.pk in reports
    ]


def _curves(project: Project, names: list[str], of: str) -> list[dict[str, Any]]:
    return [
        {
            "title": TITLES[name],
            "url": f"{reverse('model-chart', args=[project.slug, name])}?of={of}",
            "size": "tall" if name in TALL else "normal",
        }
        for name in names
    ]


@project_page("viewer")
def chart(request: HttpRequest, project: Project, name: str) -> HttpResponse:
    """One drawing of a version's report, or of two: `?of=2` or `?of=2,5`."""
    numbers = [whole_number(text) for text in request.GET.get("of", "").split(",")[:2]]
    versions = [_version(project, number or 0) for number in numbers]
    told = _told(reports_of(versions), *versions)
    both = len(told) == len(versions) and (len(told) == 1 or name in FOR_TWO)
    if not both or name not in drawn(told):
        raise NotFound("There is no such drawing of this version.")
    return answer(request, curve(name, told, terms=terms_of(project)))


@project_page("viewer")
def model(request: HttpRequest, project: Project, number: int) -> HttpResponse:
    """A version's report: verdict, numbers, drawings, proof, lineage, files."""
    return report(request, project, number)


def report(
    request: HttpRequest,
    project: Project,
    number: int,
    refused: ReasonForm | None = None,
) -> HttpResponse:
    """The page, with a decision on it that was refused, if there is one."""
    version = _version(project, number)
    rollout = rollouts_of([project]).first()
    terms = terms_of(project)
    rival = rollout.baseline if rollout and rollout.baseline_id != version.pk else None
    reports = reports_of([version, *([rival] if rival else [])])
    tested = reports.get(version.pk)
    told = _told(reports, version)
    tone, sentence = _words(version, rival, tested, terms)
    context = {
        "project": project,
        "place": "models",
        "terms": terms,
        "version": version,
        "roles": (roles := board.roles_of(rollout, version.pk)),
        "serves": bool(set(roles) - {"rollback target"}),
        "tone": tone,
        "sentence": sentence,
        "gain": gain_on_test(version, rival) if rival else None,
        "tested": tested,
        "rival": rival,
        "metrics": _metrics(tested, reports.get(rival.pk) if rival else None, terms),
        "curves": _curves(project, drawn(told), str(number)),
        "per_class": _per_class(tested),
        "lineage": _lineage(version),
        "formats": FORMATS if version.uri else (),
        "gone": storage.is_gone(version.uri),
        "form": refused,
        "forms": {
            verb.replace("-", "_"): refused
            if refused and refused.verb == verb
            else ReasonForm(verb=verb)
            for verb in ("approve", "reject", "archive", "bring-back")
        },
    }
    status = refused.status if refused else 200
    return render(request, "monitoring/model.html", context, status=status)


def _words(
    version: ModelVersion, rival: ModelVersion | None, tested: Any, terms: Terms
) -> tuple[str, str]:
    refused = [
        reason["text"]
        for reason in version.reasons
        if not reason["passed"] and "was" not in reason  # archived is not rejected
    ]
    report = tested.report if tested else {"metrics": {}}
    goal = report["metrics"].get(terms.metric.key) or {}
    return version_words(
        terms,
        number=version.number,
        state=version.state,
        is_baseline=version.kind == ModelVersion.Kind.BASELINE,
        gain=gain_on_test(version, rival) if rival else None,
        refused=" ".join(refused[:2]),
        value=goal.get("value"),
    )


def _metrics(tested: Any, rival: Any, terms: Terms) -> list[compare.Line]:
    """The version's numbers; the baseline's beside them where the rows are the same."""
    if tested is None:
        return []
    same = rival is not None and rival.dataset_id == tested.dataset_id
    other = rival if same else tested
    return compare.lines(tested, other, terms=terms, task=tested.report["task"])


def _per_class(tested: Any) -> list[dict[str, Any]]:
    found = tested.report["error_distribution"].get("per_class") if tested else None
    return list(found or [])


def _lineage(version: ModelVersion) -> dict[str, Any]:
    card = version.card or {}
    return {
        "data": card.get("data") or {},
        "trials": card.get("trials"),
        "limits": card.get("limits") or [],
        "findings": card.get("findings") or [],
        "fields": version.features.get("fields") or version.fields,
        "features": {
            name: value
            for name, value in version.features.items()
            if name != "fields" and isinstance(value, list) and value
        },
    }


@project_page("owner")
def worst(request: HttpRequest, project: Project, number: int) -> HttpResponse:
    """Where it was most wrong in production; owners alone see rows."""
    version = _version(project, number)
    rows, known = mistakes.worst(version)
    context = {
        "project": project,
        "place": "models",
        "version": version,
        "rows": rows,
        "known": known,
        "unit": project.unit,
    }
    part = bool(getattr(request, "htmx", False))
    name = "monitoring/partials/mistakes.html" if part else "monitoring/mistakes.html"
    return render(request, name, context)
