"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from registry import (
    data_views,
    house_views,
    people_views,
    place_views,
    schema_views,
    settings_views,
    views,
)
from registry.api.audit import AuditApi
from registry.api.datasets import (
    DatasetApi,
    DatasetDownloadApi,
    DatasetRowsApi,
    DatasetsApi,
)
from registry.api.features import EventsApi, FeaturesApi
from registry.api.health import HealthApi
from registry.api.imports import ImportApi, ImportCancelApi, SourcesApi
from registry.api.keys import KeyApi, KeysApi
from registry.api.members import MemberApi, MembersApi
from registry.api.projects import ProjectDetailApi

P = "projects/<slug:project>"

api: list[URLPattern | URLResolver] = [
    path(P, ProjectDetailApi.as_view(), name="api-project"),
    path(f"{P}/members", MembersApi.as_view(), name="api-members"),
    path(f"{P}/members/<str:user>", MemberApi.as_view(), name="api-member"),
    path(f"{P}/keys", KeysApi.as_view(), name="api-keys"),
    path(f"{P}/keys/<int:key>", KeyApi.as_view(), name="api-key"),
    path(f"{P}/datasets", DatasetsApi.as_view(), name="api-datasets"),
    path(f"{P}/datasets/<int:number>", DatasetApi.as_view(), name="api-dataset"),
    path(
        f"{P}/datasets/<int:number>/rows",
        DatasetRowsApi.as_view(),
        name="api-dataset-rows",
    ),
    path(f"{P}/sources", SourcesApi.as_view(), name="api-sources"),
    path(f"{P}/imports/<uuid:id>", ImportApi.as_view(), name="api-import"),
    path(
        f"{P}/imports/<uuid:id>/cancel",
        ImportCancelApi.as_view(),
        name="api-import-cancel",
    ),
    path(
        f"{P}/datasets/<int:number>/download",
        DatasetDownloadApi.as_view(),
        name="api-dataset-download",
    ),
    path(f"{P}/features", FeaturesApi.as_view(), name="api-features"),
    path(f"{P}/events", EventsApi.as_view(), name="api-events"),
    path(f"{P}/audit", AuditApi.as_view(), name="api-audit"),
]
pages: list[URLPattern | URLResolver] = [
    path("healthz", HealthApi.as_view(), name="healthz"),
    path("api/docs", views.docs, name="api-docs"),
    path("palette", house_views.palette, name="palette"),
    path("styleguide", house_views.styleguide, name="styleguide"),
    path(
        "styleguide/charts/<str:name>",
        house_views.styleguide_chart,
        name="styleguide-chart",
    ),
    path("admin/", admin.site.urls),
    path("p/<slug:project>/data", data_views.data, name="data"),
    path("p/<slug:project>/data/new", data_views.dataset_new, name="dataset-new"),
    path("p/<slug:project>/data/schema", schema_views.schema, name="schema"),
    path(
        "p/<slug:project>/data/imports/<uuid:job>",
        data_views.dataset_import,
        name="dataset-import",
    ),
    path("p/<slug:project>/data/<int:number>", data_views.data, name="dataset"),
    path(
        "p/<slug:project>/data/<int:number>/rows", data_views.rows, name="dataset-rows"
    ),
    path("p/<slug:project>/features", place_views.features, name="features"),
    path("p/<slug:project>/settings", settings_views.settings, name="settings"),
    path(
        "p/<slug:project>/settings/costs", settings_views.costs, name="settings-costs"
    ),
    path("p/<slug:project>/settings/gate", settings_views.gate, name="settings-gate"),
    path("p/<slug:project>/settings/members", people_views.members, name="members"),
    path("p/<slug:project>/settings/keys", people_views.keys_page, name="keys"),
    path("p/<slug:project>/settings/audit", people_views.audit, name="audit"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("password", views.password, name="password"),
    path("invitation/<str:token>", views.invitation, name="invitation"),
]
