"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from serving import prediction_pages, rollout_api, rollout_pages, try_pages
from serving.frontend.api import PredictApi, PredictBatchApi
from serving.model_server.api import ArtifactApi, RawPredictApi
from serving.schema_api import InputSchemaApi, OpenApi
from serving.scorings import api as scorings
from serving.v2 import api as v2

P = "projects/<slug:project>"

api: list[URLPattern | URLResolver] = [
    path(f"{P}/schema", InputSchemaApi.as_view(), name="api-input-schema"),
    path(f"{P}/predict", PredictApi.as_view(), name="api-predict"),
    path(f"{P}/predict/batch", PredictBatchApi.as_view(), name="api-predict-batch"),
    path(
        f"{P}/models/<int:number>/predict",
        RawPredictApi.as_view(),
        name="api-model-predict",
    ),
    path(
        f"{P}/models/<int:number>/artifact",
        ArtifactApi.as_view(),
        name="api-model-artifact",
    ),
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
    path(f"{P}/scorings", scorings.ScoringsApi.as_view(), name="api-scorings"),
    path(f"{P}/scorings/<uuid:id>", scorings.ScoringApi.as_view(), name="api-scoring"),
    path(
        f"{P}/scorings/<uuid:id>/file",
        scorings.ScoringFileApi.as_view(),
        name="api-scoring-file",
    ),
    path(
        f"{P}/scorings/<uuid:id>/cancel",
        scorings.ScoringCancelApi.as_view(),
        name="api-scoring-cancel",
    ),
]
# The Open Inference Protocol has its own root, which clients do not let us choose.
M = "v2/models/<slug:project>"
N = f"{M}/versions/<int:number>"
pages: list[URLPattern | URLResolver] = [
    path("api/schema", OpenApi.as_view(), name="openapi"),
    path("v2", v2.ServerApi.as_view(), name="v2"),
    path("v2/health/live", v2.LiveApi.as_view(), name="v2-live"),
    path("v2/health/ready", v2.ReadyApi.as_view(), name="v2-ready"),
    path(M, v2.MetadataApi.as_view(), name="v2-model"),
    path(f"{M}/ready", v2.ModelReadyApi.as_view(), name="v2-model-ready"),
    path(f"{M}/infer", v2.InferApi.as_view(), name="v2-infer"),
    path(N, v2.MetadataApi.as_view(), name="v2-version"),
    path(f"{N}/ready", v2.ModelReadyApi.as_view(), name="v2-version-ready"),
    path(f"{N}/infer", v2.InferApi.as_view(), name="v2-version-infer"),
    path(
        "p/<slug:project>/predictions",
        prediction_pages.predictions,
        name="predictions",
    ),
    path(
        "p/<slug:project>/predictions/<uuid:id>",
        prediction_pages.prediction,
        name="prediction",
    ),
    path("p/<slug:project>/try", try_pages.try_it, name="try"),
    path("p/<slug:project>/rollout/who", rollout_pages.who, name="rollout-who"),
]
