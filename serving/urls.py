"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from serving import rollout_api
from serving.frontend.api import PredictApi, PredictBatchApi

P = "projects/<slug:project>"

api: list[URLPattern | URLResolver] = [
    path(f"{P}/predict", PredictApi.as_view(), name="api-predict"),
    path(f"{P}/predict/batch", PredictBatchApi.as_view(), name="api-predict-batch"),
    path(f"{P}/rollout", rollout_api.RolloutApi.as_view(), name="api-rollout"),
    path(f"{P}/rollout/pause", rollout_api.PauseApi.as_view(), name="api-pause"),
    path(f"{P}/rollout/resume", rollout_api.ResumeApi.as_view(), name="api-resume"),
    path(f"{P}/rollout/promote", rollout_api.PromoteApi.as_view(), name="api-promote"),
    path(
        f"{P}/rollout/rollback", rollout_api.RollbackApi.as_view(), name="api-rollback"
    ),
    path(
        f"{P}/rollout/baseline", rollout_api.BaselineApi.as_view(), name="api-baseline"
    ),
    path(
        f"{P}/rollout/events",
        rollout_api.RolloutEventsApi.as_view(),
        name="api-rollout-events",
    ),
]
pages: list[URLPattern | URLResolver] = []
