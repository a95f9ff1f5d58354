"""Data for the screenshots: the demo projects, an empty project and a broken one; and the
addresses of every page. Run by tools/screenshots.py in a DATA_DIR of its own.

    tools/screens_data.py    its last line is {"sessions": …, "pages": {name: address}}

A name that begins with "newcomer-" is a page as somebody sees it who has no project yet,
one with "door-" as somebody does who is not signed in; the others are ada's, who may all.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings

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
    "new-source": "/new/source/files",
}
DOORS = {"door-sign-in": "/sign-in"}
NEWCOMER = {"newcomer-first-run": "/", "newcomer-new": "/new"}
NOTHING_HERE = {"missing": "/nothing-here"}
DRAFT = "a-table.csv"  # on its way to become a project
ANSWERS: dict[str, dict[str, str]] = {
    "target": {"target": "late", "name": "A table", "slug": "a-table"},
    "columns": {
        "use-0": "on",
        "kind-0": "numeric",
        "use-1": "on",
        "kind-1": "categorical",
        "kind-2": "categorical",
    },
    "value": {"costs": "none", "silence": "unknown"},
}


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("demo", no_serve=True, stdout=sys.stderr)
    _empty()
    _broken()
    found = pages() | _drafted() | _invited()
    print(json.dumps({"sessions": _sessions(), "pages": found}))  # noqa: T201


def pages() -> dict[str, str]:
    """Every page of every project by a name that can be a file's."""
    from registry.models import Project

    found = HOUSE | DOORS | NEWCOMER | NOTHING_HERE
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
        found |= _beside(project)
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


def _beside(project: Any) -> dict[str, str]:
    """Pages that need more than one thing: two versions, a dataset's rows."""
    numbers = list(project.versions.order_by("number").values_list("number", flat=True))
    at, name, found = f"/p/{project.slug}", project.slug, {}
    if len(numbers) > 1:
        pair = f"{numbers[0]},{numbers[-1]}"
        found[f"{name}-compare"] = f"{at}/models?compare={pair}"
    if project.datasets.exists():
        found[f"{name}-rows"] = f"{at}/data/1/rows"
    if hasattr(project, "rollout"):
        found[f"{name}-who"] = f"{at}/rollout/who?user=ann"
    return found


def _drafted() -> dict[str, str]:
    """A table that somebody brings, at each of its steps."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from mlsystem.new_steps import STEPS
    from registry.models import Draft

    draft = Draft.objects.filter(user=_admin()).first()
    if draft is None:
        ada = _client(_admin())
        table = SimpleUploadedFile(DRAFT, _deliveries().encode())
        ada.post("/new", {"file": table})
        draft = Draft.objects.get(user=_admin())
        for step, form in ANSWERS.items():
            ada.post(f"/new/{draft.pk}/{step}", form)
    return {f"draft-{step}": f"/new/{draft.pk}/{step}" for step in STEPS}


def _invited() -> dict[str, str]:
    """The link that somebody got who has no password yet."""
    from registry import people
    from registry.actors import COMMAND_LINE
    from registry.models import User

    guest = User.objects.filter(username="grace").first()
    guest = guest or people.create_user(name="grace", by=COMMAND_LINE)
    link = people.invite(user=guest, by=COMMAND_LINE)
    return {"door-invitation": link.removeprefix(settings.PUBLIC_URL)}


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
        table.write_text(_deliveries(), "utf-8")
        brought = bring_table(slug="broken", path=table, target="late", by=_admin())
    run = pipeline.start(project=brought.project, budget=1, now=now(), by=_admin())
    work_through(run, tell=lambda *_: None)
    storage.delete(brought.rollout.live.uri)


def _deliveries() -> str:
    rows = "".join(
        f"{i % 17 + 0.5},{'ABC'[i % 3]},{'yes' if i % 5 == 0 else 'no'}\n"
        for i in range(300)
    )
    return "kilometres,depot,late\n" + rows


def _sessions() -> dict[str, dict[str, str] | None]:
    """Cookies with which people are signed in, by how the names of their pages begin."""
    from registry.models import User

    nina, _ = User.objects.get_or_create(username="nina", may_create_projects=True)
    return {"": _session(_admin()), "newcomer-": _session(nina), "door-": None}


def _session(user: Any) -> dict[str, str]:
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": _client(user).cookies[name].value}


def _client(user: Any) -> Any:
    from django.test import Client

    client = Client(headers={"Host": "127.0.0.1"})
    client.force_login(user)
    return client


if __name__ == "__main__":
    main()
