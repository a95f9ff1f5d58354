"""Settings of a project: the problem, what mistakes cost and what is decided, the gate.
What the next version copies leaves what serves as it is; the rest acts at once, and what
was saved says which."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from registry import catalogue, cost_words, decision, definition_store, projects
from registry.cost_forms import CostForm
from registry.errors import DomainError, EditedMeanwhile
from registry.gate_form import GateForm
from registry.models import Project
from registry.settings_forms import DecisionForm, ProblemForm
from registry.web.pages import PageRequest, project_page, whole_number

FOLLOW = "Charts and verdicts follow at once."
KEEPS = "The version that serves keeps its own; the next one follows."
SAID = {
    "primary_metric": FOLLOW,
    "horizon": FOLLOW,
    "silence": FOLLOW,
    "truth_precedence": "Truth that comes in from now on is chosen by it.",
    "control_share": "From the next request on, the baseline answers {0.control_share} % "
    "of users.",
    "zone": "Times without an offset are read in {0.zone} from now on; versions keep the "
    "zone that they were made with.",
    "costs": KEEPS,
    "decision": KEEPS,
    "gate": "The next run is judged by it.",
}
EXAMPLE_SHARE = 0.3


@project_page("owner", POST="owner")
def settings(request: PageRequest, project: Project) -> HttpResponse:
    """What is predicted, judged by what, and when the truth is known."""
    form = ProblemForm(
        request.POST or None,
        project=project,
        places=definition_store.declared(project),
        initial=ProblemForm.initial_of(project),
    )
    if request.method == "POST" and form.is_valid():
        error = _save(request, project, form.changes())
        if error is None:
            return redirect(request.path)
        form.refuse_edit(error, now=ProblemForm.initial_of(project))
    return _show(request, project, "problem", {"form": form})


@project_page("owner", POST="owner")
def costs(request: PageRequest, project: Project) -> HttpResponse:
    """What mistakes cost, and what is done with a probability; with an example that
    follows what is typed."""
    typed = request.POST if request.method == "POST" else None
    places = definition_store.declared(project)
    table = CostForm(
        task=project.task,
        classes=project.classes,
        fields=project.fields,
        costs=project.costs,
        typed=None if "costs" in places else typed,
    )
    form = DecisionForm(
        typed,
        project=project,
        places=places,
        initial=DecisionForm.initial_of(project),
    )
    valid = typed is not None and form.is_valid() and not table.errors
    context: dict[str, Any] = {
        "costs": table,
        "form": form,
        "places": places,
        "sentences": [] if table.errors else _sentences(project, table, form),
    }
    if request.POST.get("do") == "example":
        return render(request, "registry/partials/cost_example.html", context)
    if valid:
        error = _save(request, project, _cost_changes(project, table, form))
        if error is None:
            return redirect(request.path)
        form.refuse_edit(error, now=DecisionForm.initial_of(project))
        if isinstance(error, EditedMeanwhile):
            table.beside(project.costs)
    return _show(request, project, "costs", context)


def _cost_changes(
    project: Project, table: CostForm, form: DecisionForm
) -> dict[str, Any]:
    """Costs that come or go take along what models are judged by."""
    changes: dict[str, Any] = {"costs": table.costs}
    if project.is_classification:
        changes["decision"] = form.decision()
    if table.costs and not project.costs:
        changes["primary_metric"] = "cost"
    elif not table.costs and project.primary_metric == "cost":
        changes["primary_metric"] = catalogue.default_metric(
            project.task, has_costs=False
        )
    return changes


def _sentences(project: Project, table: CostForm, form: DecisionForm) -> list[str]:
    """What these costs and this decision lead to, with the numbers of a usual row."""
    row = _usual_row(project)
    told = cost_words.sentences(
        costs=table.costs,
        classes=project.classes,
        positive=project.positive_class,
        row=row,
        unit=project.unit or project.target,
    )
    if not (form.is_bound and form.is_valid() and project.positive_class):
        return told
    wanted = form.decision()
    if decision.problems(wanted, costs=table.costs, classes=project.classes):
        return told
    shares = {project.negative_class: 1 - EXAMPLE_SHARE}
    shares[project.positive_class] = EXAMPLE_SHARE
    found = decision.decide(
        probabilities=shares,
        decision=wanted,
        costs=table.costs,
        positive=project.positive_class,
        row=row,
    )
    if found:
        said = (
            f"At {100 * EXAMPLE_SHARE:.0f} % {project.positive_class} the answer says"
        )
        told.append(f"{said} “{found.action}”, because {found.reason}.")
    return told


def _usual_row(project: Project) -> dict[str, Any]:
    newest = project.datasets.first()
    profile = newest.profile if newest else {}
    return {
        name: figures["quantiles"]["0.5"]
        for name, figures in profile.items()
        if "quantiles" in figures
    }


@project_page("owner", POST="owner")
def gate(request: PageRequest, project: Project) -> HttpResponse:
    """What a new model must show before it may serve."""
    places = definition_store.declared(project)
    form = GateForm(
        request.POST or None,
        project=project,
        places=places,
        initial=GateForm.initial_of(project),
    )
    if request.method == "POST" and form.is_valid():
        error = _save(request, project, {"gate": form.gate()})
        if error is None:
            return redirect(request.path)
        form.refuse_edit(error, now=GateForm.initial_of(project))
    metric = catalogue.METRICS.get(project.primary_metric)
    context = {"form": form, "metric": metric, "places": places}
    return _show(request, project, "gate", context)


def _save(
    request: PageRequest, project: Project, changes: dict[str, Any]
) -> DomainError | None:
    """The verb; what speaks against it, and then the project is as it is by now."""
    revision = whole_number(request.POST.get("revision")) or 0
    changed = [name for name, new in changes.items() if getattr(project, name) != new]
    try:
        projects.update_project(
            project=project, by=request.actor, revision=revision, changes=changes
        )
    except DomainError as error:
        project.refresh_from_db()
        if isinstance(error, EditedMeanwhile):
            return projects.lost_race(project, revision=revision)
        return error
    messages.success(request, _saved(project, changed))
    return None


def _saved(project: Project, changed: Sequence[str]) -> str:
    """When what was changed acts."""
    said = ["Saved.", *(SAID[name].format(project) for name in changed if name in SAID)]
    if "strict_inputs" in changed:
        done = "refused" if project.strict_inputs else "answered, with a warning,"
        said.append(f"Inputs with unknown fields are {done} from now on.")
    if "retention" in changed and project.retention:
        said.append("Predictions older than that are deleted from now on.")
    return " ".join(dict.fromkeys(said))


def _show(
    request: PageRequest, project: Project, tab: str, context: dict[str, Any]
) -> HttpResponse:
    page = context | {"project": project, "place": "settings", "tab": tab}
    name, status = f"registry/settings_{tab}.html", context["form"].status
    if request.method == "POST":  # costs have errors of their own
        status = max(status, 400)
    return render(request, name, page, status=status)
