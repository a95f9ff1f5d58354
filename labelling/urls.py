"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from labelling import prediction_pages, views
from labelling.api.examples import ExamplesApi, LabelsApi
from labelling.api.feedback import FeedbackApi
from labelling.api.predictions import PredictionApi, PredictionsApi
from labelling.api.queue import (
    AnnotationsApi,
    NextApi,
    ReleaseApi,
    RenewApi,
    SkipApi,
    UndoApi,
)
from labelling.api.truth import OutcomesApi, TruthApi

P = "projects/<slug:project>"
EXAMPLE = f"{P}/examples/<int:example>"

api: list[URLPattern | URLResolver] = [
    path(f"{P}/predictions", PredictionsApi.as_view(), name="api-predictions"),
    path(
        f"{P}/predictions/<uuid:prediction>",
        PredictionApi.as_view(),
        name="api-prediction",
    ),
    path(f"{P}/truth", TruthApi.as_view(), name="api-truth"),
    path(f"{P}/feedback", FeedbackApi.as_view(), name="api-feedback"),
    path(f"{P}/outcomes", OutcomesApi.as_view(), name="api-outcomes"),
    path(f"{P}/examples", ExamplesApi.as_view(), name="api-examples"),
    path(f"{EXAMPLE}/annotations", AnnotationsApi.as_view(), name="api-annotations"),
    path(f"{EXAMPLE}/skip", SkipApi.as_view(), name="api-skip"),
    path(f"{P}/queue/next", NextApi.as_view(), name="api-queue-next"),
    path(f"{P}/queue/renew", RenewApi.as_view(), name="api-queue-renew"),
    path(f"{P}/queue/release", ReleaseApi.as_view(), name="api-queue-release"),
    path(f"{P}/queue/undo", UndoApi.as_view(), name="api-queue-undo"),
    path(f"{P}/labels", LabelsApi.as_view(), name="api-labels"),
]
pages: list[URLPattern | URLResolver] = [
    path("p/<slug:project>/label", views.label, name="label"),
    path("p/<slug:project>/examples", views.examples, name="examples"),
    path(
        "p/<slug:project>/predictions/<uuid:id>/truth",
        prediction_pages.truth_card,
        name="truth-card",
    ),
    path(
        "p/<slug:project>/predictions/<uuid:id>/label",
        prediction_pages.ask,
        name="prediction-label",
    ),
]
