"""Addresses of this floor: `api` under /api/v1/, `pages` at the root."""

from django.urls import URLPattern, URLResolver, path

from monitoring import rollout_pages
from monitoring.evaluator.api import EvaluateApi
from monitoring.judging.api import ComparisonApi
from monitoring.monitor import api as monitor
from monitoring.owner import views as owner
from monitoring.versions import views as versions
from monitoring.watch import alert_pages
from monitoring.watch import pages as watch

api: list[URLPattern | URLResolver] = [
    path(
        "projects/<slug:project>/evaluate", EvaluateApi.as_view(), name="api-evaluate"
    ),
    path(
        "projects/<slug:project>/metrics",
        monitor.MetricsApi.as_view(),
        name="api-metrics",
    ),
    path("projects/<slug:project>/drift", monitor.DriftApi.as_view(), name="api-drift"),
    path(
        "projects/<slug:project>/comparison",
        ComparisonApi.as_view(),
        name="api-comparison",
    ),
    path(
        "projects/<slug:project>/alerts", monitor.AlertsApi.as_view(), name="api-alerts"
    ),
    path(
        "projects/<slug:project>/alerts/<int:alert>/acknowledge",
        monitor.AcknowledgeApi.as_view(),
        name="api-alert-acknowledge",
    ),
    path(
        "projects/<slug:project>/alerts/<int:alert>/mute",
        monitor.MuteApi.as_view(),
        name="api-alert-mute",
    ),
    path("projects/<slug:project>/notes", monitor.NotesApi.as_view(), name="api-notes"),
]
pages: list[URLPattern | URLResolver] = [
    path("", owner.projects, name="projects"),
    path("p/<slug:project>", owner.project, name="project"),
    path("p/<slug:project>/loop", owner.loop_part, name="loop"),
    path("p/<slug:project>/charts/goal", owner.goal_chart, name="goal-chart"),
    path("p/<slug:project>/models", versions.models, name="models"),
    path("p/<slug:project>/models/<int:number>", versions.model, name="model"),
    path("p/<slug:project>/mistakes/<int:number>", versions.worst, name="model-worst"),
    path(
        "p/<slug:project>/charts/model/<str:name>", versions.chart, name="model-chart"
    ),
    path("p/<slug:project>/rollout", rollout_pages.rollout, name="rollout"),
    path(
        "p/<slug:project>/rollout/evidence",
        rollout_pages.evidence_chart,
        name="rollout-evidence",
    ),
    path("p/<slug:project>/monitor", watch.monitor, name="monitor"),
    path(
        "p/<slug:project>/monitor/charts/<str:name>",
        watch.monitor_chart,
        name="monitor-chart",
    ),
    path("p/<slug:project>/alerts", alert_pages.alerts, name="alerts"),
]
