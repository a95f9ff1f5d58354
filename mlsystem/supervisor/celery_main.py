"""Beat, or a worker for one lane: `python -m mlsystem.supervisor.celery_main quick`."""

import os
import sys
import warnings

CHILDREN = {"quick": 1, "long": 2}


def main(what: str) -> None:
    # A stop waits a moment for the task at hand; the Job row resumes a longer one.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlsystem.settings")
    from celery.platforms import SecurityWarning

    from mlsystem.celery import TRANSPORT, app

    # It warns root of pickles, which we do not accept.
    warnings.simplefilter("ignore", SecurityWarning)
    app.conf.update(
        # Nobody waits for these processes' messages, and a busy machine is slow.
        broker_transport_options=TRANSPORT
        | {"socket_timeout": 10, "socket_connect_timeout": 5},
        broker_connection_timeout=5,
        worker_proc_alive_timeout=120,
        worker_soft_shutdown_timeout=3,
    )
    app.start(argv=["--quiet", *(BEAT if what == "beat" else worker(what))])


BEAT = ["beat", "--loglevel=INFO", "--pidfile="]


def worker(lane: str) -> list[str]:
    return [
        "worker",
        f"--queues={lane}",
        f"--concurrency={CHILDREN[lane]}",
        f"--hostname={lane}@%h",
        "--loglevel=INFO",
        "--without-gossip",
        "--without-mingle",
    ]


if __name__ == "__main__":
    main(sys.argv[1])
