"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from labelling import bench_views, example_views, prediction_pages, review_views
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
EXAMPLES = "p/<slug:project>/examples"

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
    path("p/<slug:project>/label", bench_views.label, name="label"),
    path("p/<slug:project>/label/step", bench_views.step, name="label-step"),
    path(EXAMPLES, example_views.examples, name="examples"),
    path(f"{EXAMPLES}/<int:id>", example_views.example, name="example"),
    path(f"{EXAMPLES}/mine", example_views.mine, name="examples-mine"),
    path(f"{EXAMPLES}/review", review_views.review, name="examples-review"),
    path(f"{EXAMPLES}/people", review_views.people, name="examples-people"),
    path(f"{EXAMPLES}/guideline", review_views.guideline, name="examples-guideline"),
    path(f"{EXAMPLES}/import", review_views.bring, name="examples-import"),
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
