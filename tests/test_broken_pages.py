"""Pages where a model's file, the database or what was asked for is gone: they say so,
and lead on."""

from typing import Any

import pytest
from django.db import OperationalError, connection

from monitoring.models import ReferenceProfile
from monitoring.owner import loop
from registry.models import ModelVersion
from registry.versions import forget_loaded
from tests.factories import make_user, sign_in
from tests.full_project import make_full_project
from tests.pages import text
from tests.three_weeks import serving

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.mark.faults
def test_a_live_model_whose_file_is_gone_breaks_no_page() -> None:
    project = serving()
    ModelVersion.objects.filter(project=project).update(
        uri="file:///nowhere.skops", sha256="0" * 64, function=""
    )

    for path in (
        "/rollout",
        "/monitor",
        "/models",
        "/models/2",
        "/predictions",
        "/try",
    ):
        assert sign_in("Owen").get(f"/p/churn{path}").status_code == 200, path
    for path in ("/p/churn", "/"):
        page = text(sign_in("Vera").get(path))
        assert "Version 2 cannot be loaded any more: its file is gone." in page
        assert path == "/" or "anew answers with version 1, the baseline." in page
    assert "serving" not in text(sign_in("Vera").get("/p/churn/loop"))


def test_the_monitor_of_a_version_whose_file_is_gone_says_what_it_still_can() -> None:
    project = make_full_project()
    ReferenceProfile.objects.all().delete()
    forget_loaded()
    ModelVersion.objects.filter(project=project).update(
        uri="file:///nowhere.skops", sha256="0" * 64, function=""
    )
    vera = sign_in("Vera")

    assert vera.get("/p/churn/monitor").status_code == 200
    told = vera.get("/p/churn/monitor/charts/drift").json()
    assert told["empty"] == "This version has no reference data to compare with."
    assert vera.get("/p/churn/monitor/charts/traffic").json()["rows"]
    assert not ReferenceProfile.objects.exists()  # it is made once the file is back


def test_what_is_not_there_leads_back_to_its_project_and_strangers_learn_nothing() -> (
    None
):
    serving()
    make_user("Stan")

    page = text(sign_in("Vera").get("/p/churn/models/77"))
    assert '<a class="button" href="/p/churn">To Churn</a>' in page
    assert 'href="/p/churn/monitor"' in page
    assert "/p/churn" not in text(sign_in("Stan").get("/p/churn/models/77"))


def test_a_page_says_so_where_the_database_is_gone_from_the_beginning() -> None:
    serving()
    client = sign_in("Vera")
    client.raise_request_exception = False

    def gone(*_: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(gone):
        page = client.get("/p/churn")

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "2"


def test_a_page_of_a_project_whose_database_is_gone_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serving()
    client, look = sign_in("Vera"), loop.look
    client.raise_request_exception = False

    def cut(*args: Any, **given: Any) -> Any:
        connection.execute_wrappers.append(gone)
        return look(*args, **given)

    def gone(*_: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(loop, "look", cut)
    try:
        page = client.get("/p/churn")
    finally:
        connection.execute_wrappers.remove(gone)

    assert page.status_code == 503
    assert page.headers["Retry-After"] == "2"
    assert "To the projects" in text(page)
