"""The features page: what the Featurizer makes of an input."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from registry.definition_store import definition_of
from registry.models import Project
from registry.web.pages import project_page


@project_page("viewer")
def features(request: HttpRequest, project: Project) -> HttpResponse:
    """What the Featurizer makes of an input: looked up, and computed."""
    definition = definition_of(project)
    context = {
        "project": project,
        "place": "data",
        "lookups": definition.lookups if definition else [],
        "features": definition.row_features if definition else [],
    }
    return render(request, "registry/features.html", context)
