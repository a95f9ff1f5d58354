"""`make bench-serving`: a durable prediction here against a bare scikit-learn server.

Both under granian, one process, 16 connections, on this machine, in one run: what counts
is the ratio. Ours checks a key and a schema, routes, decides, and stores every answer
(SQLite, synchronous=FULL) before it is sent; theirs does nothing but predict.
"""

import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Result:
    name: str
    rate: float  # answers a second
    median_ms: float
    p99_ms: float
    cpu_us: float  # of the server, an answer
    alone_ms: float  # median with one connection

    def __str__(self) -> str:
        return (
            f"{self.name:34} {self.rate:7.0f}/s   alone {self.alone_ms:6.2f} ms   "
            f"16 at once p50 {self.median_ms:6.1f} ms, p99 {self.p99_ms:6.1f} ms   "
            f"CPU {self.cpu_us:6.0f} µs"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ready = prepare(Path(folder))
        for model in ("linear", "trees"):
            compare(model, ready, Path(folder))


def compare(model: str, ready: dict[str, Any], folder: Path) -> None:
    ours_env = {"PORT": str(free_port())}
    with server(["--interface", "rsgi", "--factory", "mlsystem.front:application"],
                ours_env) as (port, pid):  # fmt: skip
        path = f"/api/v1/projects/{ready[model]['project']}/predict"
        headers = {"X-Api-Key": ready[model]["key"]}
        ours = measure(
            f"ours, {model}, stored", port, pid, path, ready["rows"], headers
        )
    plain = {"PLAIN_TABLE": ready["table"], "PLAIN_MODEL": model}
    args = [
        "--interface",
        "wsgi",
        "--blocking-threads",
        "8",
        "benchmarks.plain:application",
    ]
    with server(args, plain) as (port, pid):
        theirs = measure(f"plain sklearn, {model}", port, pid, "/", ready["rows"], {})
    print(ours, theirs, sep="\n")
    print(
        f"{model}: {ours.rate / theirs.rate:.1f} times the rate, "
        f"{theirs.cpu_us / ours.cpu_us:.1f} times less CPU\n"
    )


def prepare(folder: Path) -> dict[str, Any]:
    """A database with two projects of churn data: a linear model, and trees."""
    os.environ |= {
        "DATA_DIR": str(folder / "var"),
        "SECRET_KEY": secrets.token_hex(32),
        "DJANGO_SETTINGS_MODULE": "mlsystem.settings",
    }
    (folder / "var").mkdir()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from registry import datasets, definition_sync, frames

    project, dataset = definition_sync.install(slug="churn")
    table = datasets.training_frame(dataset)
    names = [field["name"] for field in project.fields]
    table[[*names, "churn"]].to_parquet(folder / "table.parquet", index=False)
    sent = frames.rows_of(project.fields, table.head(500))
    rows = [{k: v for k, v in row.items() if v is not None} for row in sent]
    found: dict[str, Any] = {"table": str(folder / "table.parquet"), "rows": rows}
    for model in ("linear", "trees"):
        found[model] = {"project": model, "key": serve(model, project, table)}
    return found


def serve(kind: str, churn: Any, table: Any) -> str:
    """A project of its own with one model live; its key."""
    from registry.estimators.boosting import Boosting
    from registry.estimators.linear import Linear
    from registry.keys import create_key
    from registry.projects import create_project
    from registry.versions import register_version
    from serving import rollout

    project = create_project(
        slug=kind, task="binary", target="churn", fields=churn.fields,
        classes=churn.classes, positive_class="Yes", costs=churn.costs,
        decision=churn.decision,
    )  # fmt: skip
    given: dict[str, Any] = {
        "task": "binary",
        "fields": churn.fields,
        "classes": ["No", "Yes"],
    }
    made: Any = Linear(**given) if kind == "linear" else Boosting(**given)
    model = made.fit(table, table["churn"])
    version = register_version(
        project=project, kind="baseline", name=model.name, algorithm=kind, params={},
        fields=project.fields, features={}, decision=project.decision,
        costs=project.costs, classes=project.classes, model=model,
        sample_rows=table.head(100).to_dict("records"), state="accepted",
    )  # fmt: skip
    rollout.open_with_baseline(project=project, version=version)
    return create_key(project=project, scopes=["predict"], name="bench")[1]


@contextmanager
def server(
    arguments: list[str], environment: dict[str, str]
) -> Iterator[tuple[int, int]]:
    port = int(environment.get("PORT") or free_port())
    command = [
        *(sys.executable, "-m", "granian", "--workers", "1", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error"),
        *arguments,
    ]
    child = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        wait_for(port)
        yield port, child.pid
    finally:
        child.terminate()
        child.wait(timeout=20)


def measure(
    name: str, port: int, pid: int, path: str, rows: list[Any], headers: dict[str, str]
) -> Result:
    bodies = [json.dumps({"input": row}).encode() for row in rows]
    headers = {"Content-Type": "application/json", **headers}
    load(port, path, bodies, headers, connections=2, seconds=1.0)  # warm
    alone = load(port, path, bodies, headers, connections=1, seconds=SECONDS / 3)
    before = cpu_seconds(pid)
    started = time.perf_counter()
    taken = load(port, path, bodies, headers, connections=CONNECTIONS, seconds=SECONDS)
    elapsed = time.perf_counter() - started
    cpu = cpu_seconds(pid) - before
    return Result(
        name=name,
        rate=len(taken) / elapsed,
        median_ms=statistics.median(taken) * 1000,
        p99_ms=statistics.quantiles(taken, n=100)[98] * 1000,
        cpu_us=cpu / len(taken) * 1e6,
        alone_ms=statistics.median(alone) * 1000,
    )


def load(
    port: int,
    path: str,
    bodies: list[bytes],
    headers: dict[str, str],
    *,
    connections: int,
    seconds: float,
) -> list[float]:
    """How long each answer took; whatever is not 200 ends the benchmark."""
    taken: list[float] = []
    until = time.perf_counter() + seconds

    def client(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        i = first
        while (begin := time.perf_counter()) < until:
            connection.request("POST", path, bodies[i % len(bodies)], headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{answer.status}: {text[:300]!r}")
            taken.append(time.perf_counter() - begin)
            i += connections
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, alive ones."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server did not start.")


if __name__ == "__main__":
    main()
