"""A page that shows one chart of every kind, for tests alone."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import include, path

from mlsystem.urls import urlpatterns as product
from registry.models import Project
from registry.web.charts import answer
from registry.web.gallery import charts
from registry.web.pages import project_page


@project_page("viewer")
def chart(request: HttpRequest, project: Project, name: str) -> HttpResponse:
    return answer(request, charts()[name])


PAGE = Template(
    """{% extends "base.html" %}{% block title %}Gallery{% endblock %}
    {% block content %}<h1>Gallery</h1>
    {% for name in names %}{% url "gallery-chart" project.slug name as chart_url %}
    {% include "partials/chart.html" with url=chart_url title=name id=name link=link poll=poll %}
    {% endfor %}{% endblock %}"""
)


@project_page("viewer")
def gallery(request: HttpRequest, project: Project) -> HttpResponse:
    names = request.GET.get("only", "").split(",") if "only" in request.GET else None
    context: dict[str, Any] = {
        "names": names or list(charts()),
        "project": project,
        "request": request,
        "user": request.user,
        "link": "time",
        "poll": request.GET.get("poll"),
    }
    return HttpResponse(PAGE.render(Context(context)))


urlpatterns = [
    path("p/<slug:project>/gallery", gallery, name="gallery"),
    path("p/<slug:project>/gallery/<str:name>", chart, name="gallery-chart"),
    path("", include(product)),
]
