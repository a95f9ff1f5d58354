"""Long lists go on page by page, cost no more queries than short ones, and no odd
filter breaks them."""

from urllib.parse import urljoin

import pytest

from monitoring.models import Alert, AlertRule, Note
from registry.clock import now
from registry.identifiers import uuid7
from registry.models import Project, Run
from serving.models import Prediction
from tests.factories import make_bare_version, make_project, make_user, sign_in
from tests.full_project import make_full_project
from tests.pages import queries

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),
]


@pytest.fixture
def churn() -> Project:
    return make_full_project()


@pytest.mark.parametrize(
    "query",
    [
        "model=²", f"model={'9' * 40}", "model=-1", "before=nonsense", "role=king",
        f"entity={'x' * 2000}", "reference=%F0%9F%90%88", "before=",
    ],
)  # fmt: skip
def test_odd_filters_of_the_log_find_little_and_break_nothing(
    churn: Project, query: str
) -> None:
    assert sign_in("Owen").get(f"/p/churn/predictions?{query}").status_code == 200


@pytest.mark.parametrize("query", ["before=²", f"before={'9' * 40}", "state=lost"])
def test_odd_filters_of_the_examples_break_nothing(churn: Project, query: str) -> None:
    assert sign_in("Rosa").get(f"/p/churn/examples?{query}").status_code == 200


def test_the_log_goes_on_page_by_page(churn: Project) -> None:
    owen, seen = sign_in("Owen"), set[str]()
    page = owen.get("/p/churn/predictions")
    for _ in range(2):
        seen |= {str(row.pk) for row in page.context["rows"]}
        page = owen.get(urljoin("/p/churn/predictions", page.context["next"] or ""))

    assert len(seen) == churn.predictions.count() == 60


def more_rows(project: Project) -> None:
    """Ten more of everything that a list shows."""
    moment = now()
    for number in range(10, 20):
        version = make_bare_version(project, number)
        Run.objects.create(
            project=project,
            number=number,
            kind="build",
            state="failed",
            budget_seconds=9,
            requested_by=make_user(f"Person {number}", project=project, role="viewer"),
        )
        Prediction.objects.create(
            id=uuid7(moment),
            project=project,
            version=version,
            role="live",
            at=moment,
            received_at=moment,
            input={},
            output={"prediction": "No"},
            latency_ms=1.0,
        )
        rule = AlertRule.objects.create(project=project, kind=f"kind {number}")
        Alert.objects.create(
            rule=rule,
            project=project,
            version=version,
            state="firing",
            message="x",
            opened_at=moment,
            updated_at=moment,
        )
        Note.objects.create(project=project, at=moment, text="x")
        other = make_project(f"project-{number}")
        make_user("Ada", project=other, role="admin")


@pytest.mark.parametrize(
    "path",
    [
        "/p/churn", "/p/churn/models", "/p/churn/runs", "/p/churn/alerts",
        "/p/churn/predictions", "/p/churn/examples", "/p/churn/settings",
        "/p/churn/settings/members", "/p/churn/settings/keys", "/p/churn/settings/audit",
        "/p/churn/monitor", "/p/churn/rollout", "/p/churn/data",
    ],
)  # fmt: skip
def test_longer_lists_cost_no_more_queries(churn: Project, path: str) -> None:
    ada = sign_in("Ada")
    ada.get(path)
    short = queries(ada, path)
    more_rows(churn)

    assert queries(ada, path) <= short
