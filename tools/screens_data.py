"""Data for the screenshots: the demo projects, an empty project and a broken one; and the
addresses of every page. Run by tools/screenshots.py in a DATA_DIR of its own.

    tools/screens_data.py    its last line is {"session": …, "pages": {name: address}}
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlsystem.settings")

PLACES = (
    *("", "start", "label", "runs", "models", "rollout", "monitor", "alerts"),
    *("examples", "examples/mine", "examples/review", "examples/people"),
    *("examples/guideline", "examples/import", "predictions", "try", "features"),
    *("data", "data/new", "data/schema", "settings", "settings/costs"),
    *("settings/gate", "settings/members", "settings/keys", "settings/audit"),
)
HOUSE = {
    "projects": "/",
    "new": "/new",
    "operator": "/operator",
    "password": "/password",
}
NOTHING_HERE = {"missing": "/nothing-here"}


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("demo", no_serve=True, stdout=sys.stderr)
    _empty()
    _broken()
    print(json.dumps({"session": _session(), "pages": pages()}))  # noqa: T201


def pages() -> dict[str, str]:
    """Every page of every project by a name that can be a file's."""
    from registry.models import Project

    found = HOUSE | NOTHING_HERE
    for project in Project.objects.order_by("pk"):
        for place in PLACES:
            address = f"/p/{project.slug}/{place}".rstrip("/")
            name = place.replace("/", "-") or "overview"
            found[f"{project.slug}-{name}"] = address
        for name, key in _details(project).items():
            if key is not None:
                found[f"{project.slug}-one-of-{name}"] = (
                    f"/p/{project.slug}/{name}/{key}"
                )
        rejected = project.runs.filter(verdict="rejected").order_by("number").first()
        if rejected is not None:
            run = f"/p/{project.slug}/runs/{rejected.number}"
            found[f"{project.slug}-rejected"] = run
    return found


def _details(project: Any) -> dict[str, Any]:
    """A model, a run, a prediction, an example and a dataset with something to show."""
    rollout = getattr(project, "rollout", None)
    said = project.predictions.exclude(explanation=None).order_by("-id").first()
    said = said or project.predictions.order_by("-id").first()
    run = project.runs.first()
    return {
        "models": rollout and rollout.live.number,
        "runs": run and run.number,
        "predictions": said and said.pk,
        "mistakes": rollout and rollout.live.number,
        "examples": project.examples.values_list("pk", flat=True).first(),
        "data": project.datasets.values_list("number", flat=True).first(),
    }


def _admin() -> Any:
    from registry.models import User

    return User.objects.get(username="ada")


def _empty() -> None:
    from registry.models import Project
    from registry.projects import create_project

    if not Project.objects.filter(slug="empty").exists():
        given: Any = {
            "name": "Nothing here yet",
            "classes": ["no", "yes"],
            "positive_class": "yes",
            "fields": [{"name": "kilometres", "kind": "numeric"}],
        }
        create_project(slug="empty", task="binary", target="late", by=_admin(), **given)


def _broken() -> None:
    """A project whose run failed, and whose live model's file is gone."""
    from mlsystem.bring import bring_table
    from mlsystem.orchestrator import pipeline
    from mlsystem.orchestrator.foreground import work_through
    from registry import storage
    from registry.clock import now
    from registry.models import Project

    if Project.objects.filter(slug="broken").exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "deliveries.csv"
        rows = "".join(
            f"{i % 17 + 0.5},{'ABC'[i % 3]},{'yes' if i % 5 == 0 else 'no'}\n"
            for i in range(300)
        )
        table.write_text("kilometres,depot,late\n" + rows, "utf-8")
        brought = bring_table(slug="broken", path=table, target="late", by=_admin())
    run = pipeline.start(project=brought.project, budget=1, now=now(), by=_admin())
    work_through(run, tell=lambda *_: None)
    storage.delete(brought.rollout.live.uri)


def _session() -> dict[str, str]:
    """A cookie with which ada is signed in."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(_admin())
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value}


if __name__ == "__main__":
    main()
