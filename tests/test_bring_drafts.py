"""A draft of a project is patient and one's own; whatever interrupts its making,
nothing half is left behind."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from mlsystem import bring
from registry import drafts, storage
from registry.clock import now
from registry.models import Draft, Job, Project, User
from tests.bring import csv, newcomer, step, take, target_form, to_baseline
from tests.pages import text
from tests.test_create_project import deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def nina() -> Client:
    return newcomer()


def test_a_draft_survives_reload_back_and_a_later_change(nina: Client) -> None:
    draft = take(nina, csv(deliveries(200)))
    to_baseline(nina, draft)

    assert nina.get(f"/new/{draft.pk}").headers["Location"].endswith("/baseline")
    assert "Late orders" in text(nina.get(f"/new/{draft.pk}/target"))
    assert str(draft.pk) in text(nina.get("/new"))
    # Another target asks again what stood on the first one.
    step(nina, draft, "target", **target_form(target="weather"))
    assert nina.get(f"/new/{draft.pk}").headers["Location"].endswith("/columns")
    # No step can be reached before those it stands on.
    assert (
        nina.get(f"/new/{draft.pk}/baseline").headers["Location"].endswith("/columns")
    )


def test_a_draft_is_ones_own(nina: Client) -> None:
    draft = take(nina, csv(deliveries(200)))
    other = User.objects.create(username="Olga", may_create_projects=True)
    olga = Client()
    olga.force_login(other)

    assert olga.get(f"/new/{draft.pk}").status_code == 404
    assert olga.get(f"/new/{draft.pk}/target").status_code == 404
    assert olga.post(f"/new/{draft.pk}").status_code == 404
    assert str(draft.pk) not in text(olga.get("/new"))


def test_only_who_may_create_projects_may_bring_a_table() -> None:
    sam = Client()
    sam.force_login(User.objects.create(username="Sam"))

    assert sam.get("/new").status_code == 403
    assert sam.post("/new", {"file": csv(deliveries(30))}).status_code == 403
    assert Client().get("/new").status_code == 302
    assert not Draft.objects.exists()


def test_a_draft_is_forgotten_with_its_table(nina: Client) -> None:
    draft, kept = take(nina, csv(deliveries(200))), take(nina, csv(deliveries(200)))
    nina.post(f"/new/{draft.pk}")

    assert list(Draft.objects.all()) == [kept]
    with pytest.raises(storage.ArtifactError):
        storage.local_copy(uri=draft.uri, sha256=draft.sha256)
    assert drafts.forget_old(now() + timedelta(days=6)) == 0
    assert drafts.forget_old(now() + timedelta(days=8)) == 1
    assert not Draft.objects.exists()


def test_a_name_that_is_taken_meanwhile_leads_back(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    Project.objects.create(
        slug="late-orders", name="First", task="regression", target="x"
    )

    answer = step(nina, draft, "baseline", kind="majority")

    assert answer.headers["Location"].endswith("/target")
    assert "There is a project late-orders already." in text(
        nina.get(answer.headers["Location"])
    )
    assert Project.objects.count() == 1
    draft.refresh_from_db()
    assert draft.state == "ready"


def test_when_the_baseline_fails_no_project_is_left(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.errors import InvalidInput

    def refuse(**_: Any) -> None:
        raise InvalidInput("This baseline cannot be: the moon is full.")

    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring.baselines, "open_if_missing", refuse)

    answer = nina.post(f"/new/{draft.pk}/baseline", {"kind": "majority"}, follow=True)

    assert "the moon is full" in text(answer)
    assert "nothing was left behind" in text(answer)
    assert not Project.objects.exists()
    monkeypatch.undo()
    assert step(nina, draft, "baseline", kind="majority").status_code == 302
    assert Project.objects.get().slug == "late-orders"


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("a fault nobody thought of")


def test_a_fault_of_ours_locks_nobody_out_of_their_own_project(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring.baselines.sealed, "evaluate_version", fail)

    nina.raise_request_exception = False
    assert step(nina, draft, "baseline", kind="majority").status_code == 500

    assert not Project.objects.exists()
    monkeypatch.undo()
    answer = step(nina, draft, "baseline", kind="majority")
    assert answer.headers["Location"] == "/p/late-orders/start"


def test_a_project_of_an_attempt_that_died_is_adopted_by_the_next_one(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring, "_finish", fail)
    nina.raise_request_exception = False
    assert step(nina, draft, "baseline", kind="majority").status_code == 500
    assert Project.objects.get().slug == "late-orders"
    monkeypatch.undo()

    answer = step(nina, draft, "baseline", kind="majority")

    assert answer.headers["Location"] == "/p/late-orders/start"
    assert Project.objects.count() == 1


def interrupted(draft: Draft, *, minutes: int = 11) -> None:
    """As a killed process leaves a draft behind."""
    ago = now() - timedelta(minutes=minutes)
    Draft.objects.filter(pk=draft.pk).update(
        state=Draft.State.CREATING, project=None, updated_at=ago
    )


@pytest.mark.faults
def test_a_draft_whose_making_was_interrupted_can_be_tried_again(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    interrupted(draft, minutes=1)
    assert "Making the project" in text(nina.get(f"/new/{draft.pk}"))
    interrupted(draft)

    page = text(nina.get(f"/new/{draft.pk}", follow=True))

    assert "was interrupted" in page
    step(nina, draft, "baseline", kind="majority")
    assert Project.objects.get().slug == "late-orders"


@pytest.mark.faults
def test_a_project_made_by_an_interrupted_attempt_is_adopted(nina: Client) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    step(nina, draft, "baseline", kind="majority")
    interrupted(draft)

    answer = nina.get(f"/new/{draft.pk}")

    assert answer.headers["Location"] == "/p/late-orders/start"
    assert Project.objects.count() == 1


def test_a_draft_whose_job_is_out_of_attempts_can_be_tried_again(
    nina: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = take(nina, csv(deliveries(100)))
    to_baseline(nina, draft)
    monkeypatch.setattr(bring, "AT_ONCE", 10)
    step(nina, draft, "baseline", kind="majority")
    Job.objects.filter(task=bring.TASK).update(state=Job.State.FAILED)

    page = text(nina.get(f"/new/{draft.pk}", follow=True))

    assert "was interrupted" in page
    assert Draft.objects.get(pk=draft.pk).state == "ready"


def test_a_forgotten_table_leaves_no_upload(
    nina: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 100)
    draft = take(nina, csv(deliveries(200)))
    uploaded = Path(settings.ARTIFACTS_URL.removeprefix("file://"))
    uploaded /= Job.objects.get(task=drafts.TASK).args["uri"]
    assert uploaded.exists()

    nina.post(f"/new/{draft.pk}")

    assert not uploaded.exists()
