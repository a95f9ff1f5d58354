"""Operations: is everything there (`/readyz`), and what machines watch (`/metrics`)."""

import logging
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpResponse
from rest_framework import serializers

from mlsystem.api import prometheus
from mlsystem.api.projects import visible
from registry.errors import DomainError
from registry.models import Project
from registry.versions import load_version
from registry.web import problems
from registry.web.api import HouseApi, Request, Response, allow, operation
from registry.web.authentication import SessionAuthentication
from serving.models import Rollout

logger = logging.getLogger(__name__)

BROKER_SECONDS = 0.3
SPARE_MB = 100  # of the disk under DATA_DIR; below, answers are soon not stored


class ReadyApi(HouseApi):
    """Without a session only yes or no: what is broken is nobody else's business."""

    access = {"GET": allow("anyone")}
    authentication_classes = [SessionAuthentication]  # a key would open nothing here

    class Output(serializers.Serializer):
        ready = serializers.BooleanField()
        database = serializers.BooleanField(required=False)
        broker = serializers.BooleanField(required=False)
        models = serializers.BooleanField(required=False)
        disk = serializers.BooleanField(required=False)

    @operation(
        "Whether database, broker, live models and room on the disk are there; 503 if "
        "not.",
        output=Output,
        also=(503,),
    )
    def get(self, request: Request) -> Response:
        parts = {"database": _database(), "broker": _broker()}
        parts["models"] = parts["database"] and _models()
        parts["disk"] = _disk()
        ready = all(parts.values())
        signed_in = self.actor.user is not None and self.actor.key is None
        shown = {"ready": ready, **(parts if signed_in else {})}
        answer = self.answer(shown, status=200 if ready else 503)
        if not ready:
            answer.headers["Retry-After"] = str(problems.UNAVAILABLE_SECONDS)
        return answer


class MetricsApi(HouseApi):
    """Prometheus' text. A key sees its project's series, a person those they may see,
    staff the whole house."""

    access = {"GET": allow("user", "read")}
    produces = ("text/plain", "application/openmetrics-text")

    @operation("Figures for Prometheus.", download=("text/plain",))
    def get(self, request: Request) -> HttpResponse:
        user, key = self.actor.user, self.actor.key
        whole = key is None and user is not None and user.is_staff
        seen = Project.objects.all() if whole else visible(user, key)
        return HttpResponse(
            prometheus.text(seen, house=whole), content_type=prometheus.CONTENT_TYPE
        )


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        logger.warning("the database does not answer")
        return False


def _broker() -> bool:
    from redis import Redis
    from redis.exceptions import RedisError

    client: Any = Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=BROKER_SECONDS,
        socket_timeout=BROKER_SECONDS,
    )
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def _disk() -> bool:
    folder = Path(settings.DATA_DIR)
    while not folder.exists():  # nothing has been stored here yet
        folder = folder.parent
    spare = shutil.disk_usage(folder).free // 1024**2
    if spare < SPARE_MB:
        logger.warning("not ready: %s MB left on the disk of DATA_DIR", spare)
    return spare >= SPARE_MB


def _models() -> bool:
    """Every live version can be loaded; kept per process, so asked anew it costs µs."""
    for rollout in Rollout.objects.select_related("live__project"):
        try:
            load_version(rollout.live)
        except DomainError as error:
            logger.warning("not ready: %s", error)
            return False
    return True
