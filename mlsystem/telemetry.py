"""Errors to Sentry and traces to OpenTelemetry, for whoever sets where to send them.

What people send and who they are stays here: an event carries no headers, body, address,
query or local variable, and no path, which may hold a one-time link; a trace names routes,
never addresses. The packages are apart: requirements-telemetry.txt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from mlsystem.env import SettingError
from mlsystem.logs import without_secrets
from mlsystem.version import VERSION

NEEDED = {"SENTRY_DSN": "sentry_sdk", "OTEL_EXPORTER_OTLP_ENDPOINT": "opentelemetry"}
TRACES = "v1/traces"


def missing() -> Iterator[tuple[str, str]]:
    """Settings whose package is not installed, and that package."""
    for name, package in NEEDED.items():
        if getattr(settings, name) and find_spec(package) is None:
            yield name, package


def start() -> None:
    """Called once a process, before it serves or works."""
    absent = {name for name, _ in missing()}
    if settings.SENTRY_DSN and "SENTRY_DSN" not in absent:
        _start_sentry(settings.SENTRY_DSN)
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    if endpoint and "OTEL_EXPORTER_OTLP_ENDPOINT" not in absent:
        _start_traces(endpoint)


def _start_sentry(dsn: str) -> None:
    import sentry_sdk
    from sentry_sdk.utils import BadDsn

    try:
        sentry_sdk.init(
            dsn=dsn,
            release=f"mlsystem@{VERSION}",
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            before_send=_without_people,
        )
    except BadDsn:  # told without the value: it holds a key
        raise SettingError("SENTRY_DSN: write https://key@host/number.") from None


def _without_people(event: Any, hint: dict[str, Any]) -> Any:
    """Of a request its method and, as `transaction`, its route; exceptions as logs
    hold them."""
    del hint
    method = (event.get("request") or {}).get("method", "")
    event["request"] = {"method": method} if method else {}
    for told in (
        "user",
        "extra",
    ):  # a log record's extra names its request, path and all
        event.pop(told, None)
    for found in (event.get("exception") or {}).get("values", []):
        found["value"] = without_secrets(str(found.get("value", "")))
    if entry := event.get("logentry"):  # its sentence, and nothing that was put in
        event["logentry"] = {"message": without_secrets(str(entry.get("message", "")))}
    return event


def _start_traces(endpoint: str) -> None:
    from celery import signals
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = Resource.create({SERVICE_NAME: "mlsystem", SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=about)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/{TRACES}")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    signals.task_prerun.connect(_task_begins, weak=False)
    signals.task_postrun.connect(_task_ends, weak=False)


def _task_begins(task: Any, **kwargs: Any) -> None:
    from opentelemetry import trace

    span = trace.get_tracer("mlsystem").start_span(task.name)
    task.request.mlsystem_span = span


def _task_ends(task: Any, state: str = "", **kwargs: Any) -> None:
    from opentelemetry.trace import Status, StatusCode

    span = getattr(task.request, "mlsystem_span", None)
    if span is None:
        return
    if state == "FAILURE":
        span.set_status(Status(StatusCode.ERROR))
    span.end()


class Traced:
    """A span for each request, named by its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if find_spec("opentelemetry") is None:
            raise MiddlewareNotUsed
        from opentelemetry import trace

        self.get_response = get_response
        self.tracer = trace.get_tracer("mlsystem")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        method = str(request.method)
        with self.tracer.start_as_current_span(method, kind=SpanKind.SERVER) as span:
            response = self.get_response(request)
            route = getattr(request.resolver_match, "route", "") or "unknown"
            span.update_name(f"{method} {route}")
            span.set_attribute("http.request.method", method)
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(Status(StatusCode.ERROR))
        return response
