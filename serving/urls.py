"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from serving.frontend.api import PredictApi, PredictBatchApi

P = "projects/<slug:project>"

api: list[URLPattern | URLResolver] = [
    path(f"{P}/predict", PredictApi.as_view(), name="api-predict"),
    path(f"{P}/predict/batch", PredictBatchApi.as_view(), name="api-predict-batch"),
]
pages: list[URLPattern | URLResolver] = []
