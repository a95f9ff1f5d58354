"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from mlsystem import new_views, operator_pages, run_pages, start_views, views
from mlsystem.api import automation, builds, models, operations, projects, runs
from mlsystem.demo import views as demo_views

P = "projects/<slug:project>"

api: list[URLPattern | URLResolver] = [
    path("projects", projects.ProjectsApi.as_view(), name="api-projects"),
    path(f"{P}/runs", runs.RunsApi.as_view(), name="api-runs"),
    path(f"{P}/runs/<int:number>", runs.RunApi.as_view(), name="api-run"),
    path(
        f"{P}/runs/<int:number>/cancel",
        runs.CancelRunApi.as_view(),
        name="api-run-cancel",
    ),
    path(
        f"{P}/runs/<int:number>/retry",
        runs.RetryRunApi.as_view(),
        name="api-run-retry",
    ),
    path(f"{P}/builds", builds.BuildsApi.as_view(), name="api-builds"),
    path(f"{P}/builds/<int:number>", builds.BuildApi.as_view(), name="api-build"),
    path(
        f"{P}/builds/<int:number>/cancel",
        builds.CancelBuildApi.as_view(),
        name="api-build-cancel",
    ),
    path(f"{P}/schedule", automation.ScheduleApi.as_view(), name="api-schedule"),
    path(f"{P}/autopilot", automation.AutopilotApi.as_view(), name="api-autopilot"),
    path(f"{P}/models", models.ModelsApi.as_view(), name="api-models"),
    path(f"{P}/models/<int:number>", models.ModelApi.as_view(), name="api-model"),
    path(
        f"{P}/models/<int:number>/approve",
        models.ApproveApi.as_view(),
        name="api-model-approve",
    ),
    path(
        f"{P}/models/<int:number>/reject",
        models.RejectApi.as_view(),
        name="api-model-reject",
    ),
    path(
        f"{P}/models/<int:number>/archive",
        models.ArchiveApi.as_view(),
        name="api-model-archive",
    ),
]
pages: list[URLPattern | URLResolver] = [
    path("new", new_views.new, name="new"),
    path("new/source/<str:source>", new_views.new_source, name="new-source"),
    path("new/<uuid:draft>", new_views.draft, name="draft"),
    path("new/<uuid:draft>/<str:step>", new_views.draft_step, name="draft-step"),
    path("p/<slug:project>/start", start_views.start, name="start"),
    path("p/<slug:project>/runs", run_pages.runs, name="runs"),
    path("p/<slug:project>/runs/<int:number>", run_pages.run, name="run"),
    path(
        "p/<slug:project>/models/<int:number>/<str:verb>", views.decide, name="decide"
    ),
    path("p/<slug:project>/feed", demo_views.switch, name="demo-feed"),
    path("operator", operator_pages.operator, name="operator"),
    path("operator/workers", operator_pages.workers, name="operator-workers"),
    path("readyz", operations.ReadyApi.as_view(), name="readyz"),
    path("metrics", operations.MetricsApi.as_view(), name="metrics"),
]
