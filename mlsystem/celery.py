"""The Celery app: an engine that may lose messages, because `Job` rows remember."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init
from django.conf import settings
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlsystem.settings")

QUICK = "quick"  # ticks, sweeps, folds, alerts: each under a minute
LONG = "long"  # steps, slots, imports, scorings: each under 20 minutes

# Who sends a message waits at most this long for the broker; the tick sends again.
PUBLISH_TIMEOUT = 0.3
TRANSPORT = {
    "visibility_timeout": 3600,  # no message takes longer than 20 minutes
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    "socket_connect_timeout": PUBLISH_TIMEOUT,
    "socket_timeout": PUBLISH_TIMEOUT,
    "retry_on_timeout": False,
    "max_retries": 0,
}

app = Celery("mlsystem")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_transport_options=TRANSPORT,
    broker_connection_timeout=PUBLISH_TIMEOUT,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker waits for its broker for ever
    task_publish_retry=False,
    task_queues=[Queue(QUICK), Queue(LONG)],
    task_default_queue=QUICK,
    task_create_missing_queues=False,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,  # attempts are capped by the Job row
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=100,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    task_time_limit=25 * 60,  # a job past its 20 minutes is stuck; its lease runs out
    worker_cancel_long_running_tasks_on_connection_loss=False,
    enable_utc=True,
    timezone="UTC",
    # In memory: a schedule file is one more thing that kill -9 can break, and three
    # intervals need no memory.
    beat_scheduler="celery.beat:Scheduler",
    # Builds may hold the long lane for days, and a sweep judges candidates: only the
    # files of the past wait there. Schedules are rows; a tick claims what is due.
    beat_schedule={
        "tick": {
            "task": "mlsystem.tick",
            "schedule": 10.0,
            # Longer than what may wait before it, or beside slow folds none would run;
            # and than clocks differ. Of those that then come at once, one does its work.
            "options": {"queue": QUICK, "expires": 300},
        },
        "sweep": {
            "task": "mlsystem.sweep",
            "schedule": 60.0,
            "options": {"queue": QUICK, "expires": 300},
        },
        "clean": {
            "task": "mlsystem.clean",
            "schedule": 600.0,
            # Longer than the pieces of builds before it.
            "options": {"queue": LONG, "expires": 3600},
        },
    },
)
app.autodiscover_tasks()
app.set_default()


@worker_init.connect
def read_definitions(**kwargs: Any) -> None:
    """Before the first child is forked: those that replace it, hours later, know the same
    text of every module as the web, though somebody has edited it since."""
    from registry import definition_store

    definition_store.load_all()
