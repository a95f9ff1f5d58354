"""The switch of a demo project's live feed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from mlsystem.demo import feed
from registry.models import Project
from registry.web.pages import PageRequest, project_page, safe_next


@project_page(POST="admin")
def switch(request: PageRequest, project: Project) -> HttpResponse:
    on = request.POST.get("feed") == "on"
    feed.switch(project=project, on=on, by=request.actor)
    words = "The live feed is on." if on else "The live feed is off."
    messages.success(request, words)
    return redirect(safe_next(request))
