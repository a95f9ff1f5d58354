"""Where a browser looks, by address; `{prediction}` and the like are filled in from the
projects that `make_places` makes. What it need not look at stands in APART, by route."""

from typing import Any

from registry import intake
from registry.clock import now
from registry.demo_feed import TASK
from registry.models import Job, Project, User
from tests.factories import make_project, make_user
from tests.full_project import make_full_project

HOUSE = (
    *("/", "/?q=churn", "/password", "/operator", "/nothing-here"),
    *("/new", "/new/source/shop"),
)
PLACES = (
    *("", "start", "label", "models", "models/1", "models/2", "models/3"),
    *("models?compare=1,2", "mistakes/1", "runs", "runs/1", "runs/2"),
    *("rollout", "rollout/who?user=ann", "monitor", "alerts"),
    *("predictions", "predictions/{prediction}", "predictions/{prediction}/truth"),
    *("try", "features", "data", "data/new", "data/schema", "data/1", "data/1/rows"),
    *("data/imports/{waiting}", "data/imports/{refused}"),
    *("examples", "examples/{example}", "examples/mine", "examples/review"),
    *("examples/people", "examples/guideline", "examples/import"),
    *("settings", "settings/costs", "settings/gate", "settings/members"),
    *("settings/keys", "settings/audit"),
)
EMPTY_PLACES = (
    *("", "label", "examples", "data", "models", "runs", "rollout", "monitor"),
    *("alerts", "predictions", "try", "features", "settings", "start"),
    *("data/schema", "data/new", "settings/keys", "settings/audit"),
)
FULL = (*HOUSE, *(f"/p/churn/{place}".rstrip("/") for place in PLACES))
EMPTY = (*(f"/p/empty/{place}".rstrip("/") for place in EMPTY_PLACES), "/p/shown")
DOORS = ("/sign-in", "/invitation/{token}", "/invitation/nonsense")
GUIDE = ("/styleguide",)  # with DEBUG alone
STATUS = {"/nothing-here": 404, "/invitation/nonsense": 404}

PIECE = "a piece of a page that is looked at"
DRAFTS = "every step is looked at by test_bring_browser.py"
PROGRAM = "for programs"
APART = {
    "draft": DRAFTS,
    "draft-step": DRAFTS,
    "decide": "leads to the version",
    "api-docs": "drawn by Swagger UI, and opened by test_browser.py",
    **dict.fromkeys(("healthz", "readyz", "metrics", "openapi"), PROGRAM),
    **dict.fromkeys(("loop", "palette", "operator-workers"), PIECE),
    **dict.fromkeys(("goal-chart", "model-chart", "monitor-chart"), PIECE),
    **dict.fromkeys(("rollout-evidence", "styleguide-chart"), PIECE),
}

LONG = "A-name-without-any-place-to-break-it-" * 3


def make_places() -> dict[str, Any]:
    """A full project, an empty one with a name that does not break, a demo's; and what
    stands in addresses."""
    full = make_full_project()
    User.objects.filter(username="Ada").update(is_staff=True, is_superuser=True)
    for slug, more in (
        ("empty", {"name": LONG}),
        ("shown", {"definition": "mlsystem.examples.churn"}),
    ):
        make_user("Ada", project=make_project(slug, **more), role="admin")
    feed = {"source": "Rows of a public data set.", "invented": "Days are invented."}
    Project.objects.get(slug="shown").schedules.create(
        task=TASK, args=feed, cron="* * * * *", next_at=now()
    )
    answered = full.predictions.exclude(explanation=None)
    return {
        "prediction": answered.values_list("pk", flat=True).first(),
        "example": full.examples.values_list("pk", flat=True).first(),
        "waiting": _import(full).pk,
        "refused": _import(full, detail="Row 7 has 3 columns, the others 4.").pk,
    }


def _import(project: Project, **result: Any) -> Job:
    return Job.objects.create(
        task=intake.TASK,
        lane="long",
        project=project,
        state="failed" if result else "queued",
        result=result,
        due_at=now(),
        finished_at=now() if result else None,
    )
