"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from labelling import views

api: list[URLPattern | URLResolver] = []
pages: list[URLPattern | URLResolver] = [
    path("p/<slug:project>/label", views.label, name="label"),
    path("p/<slug:project>/examples", views.examples, name="examples"),
    path(
        "p/<slug:project>/predictions/<uuid:id>/truth",
        views.truth_card,
        name="truth-card",
    ),
]
