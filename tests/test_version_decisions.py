"""What people decide about a version on its card: asked before, with their reason, and
out of the archive again."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from mlsystem.orchestrator import approval, publish
from registry.actors import Actor
from registry.errors import Conflict
from registry.models import AuditEntry, ModelVersion, Project, User
from serving.models import Rollout
from tests.browsing import Watched
from tests.factories import make_serving, make_user, make_version, sign_in

CARD = "/p/churn/models/2"


@pytest.fixture
def version() -> ModelVersion:
    """Waits for somebody's word, in a project whose baseline answers."""
    project: Project = make_serving().project
    make_user("Owen", project=project, role="owner")
    return make_version(project, kind="trained", state="waiting_approval")


def owen() -> Actor:
    return Actor(user=User.objects.get(username="Owen"), role="owner")


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_saying_no_asks_before_and_takes_the_reason_without_a_script(
    enter: Callable[..., Watched], version: ModelVersion
) -> None:
    watched = enter("Owen", java_script_enabled=False)
    page = watched.page
    watched.open(CARD)

    page.locator("summary", has_text="Reject").click()
    version.refresh_from_db()
    assert version.state == "waiting_approval"
    box = page.locator("details[open]")
    box.get_by_label("Why, for the record").fill("It forgets the new plans.")
    box.get_by_role("button", name="Reject version 2").click()

    told = page.get_by_text("Rejected by Owen: It forgets the new plans.").last
    expect(told).to_be_visible()
    version.refresh_from_db()
    assert version.state == "rejected"

    page.locator("summary", has_text="Archive").click()
    page.get_by_role("button", name="Archive version 2").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Version 2 is back: it is rejected.")).to_be_visible()


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_an_approval_that_is_cut_short_can_be_given_again_and_starts_the_rollout(
    version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.objects.update(autopilot="automatic")
    client = sign_in("Owen")

    def killed(**given: Any) -> str:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(publish, "after_gate", killed)
        with pytest.raises(SystemExit):
            client.post(f"{CARD}/approve")
    client.post(f"{CARD}/approve")

    version.refresh_from_db()
    assert version.state == "accepted"
    assert Rollout.objects.get().candidate == version


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["built", "waiting_approval", "accepted", "rejected"])
def test_what_was_archived_comes_back_as_what_it_was(
    version: ModelVersion, state: str
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(state=state)
    client = sign_in("Owen")
    client.post(f"{CARD}/archive", {"reason": "Old."})
    assert "Bring it back" in client.get(CARD).content.decode()

    client.post(f"{CARD}/bring-back", {"reason": "Needed after all."})

    version.refresh_from_db()
    assert version.state == state
    texts = [one["text"] for one in version.reasons[-2:]]
    assert texts == [
        "Archived by Owen: Old.",
        "Brought back by Owen: Needed after all.",
    ]
    entry = AuditEntry.objects.get(action="model.bring_back")
    assert entry.detail == {"reason": "Needed after all.", "state": state}
    page = client.get(CARD).content.decode()
    assert "Bring it back" not in page
    assert "Archive version 2" in page


@pytest.mark.django_db
def test_only_what_is_archived_comes_back_and_once(version: ModelVersion) -> None:
    with pytest.raises(Conflict, match="waiting for approval: only"):
        approval.bring_back(version=version, by=owen())
    approval.archive(version=version, by=owen())
    other = ModelVersion.objects.get(pk=version.pk)
    approval.bring_back(version=version, by=owen())

    with pytest.raises(Conflict, match="waiting"):
        approval.bring_back(version=other, by=owen())

    assert AuditEntry.objects.filter(action="model.bring_back").count() == 1


@pytest.mark.django_db
def test_a_decision_that_is_refused_keeps_the_reason_where_it_was_typed(
    version: ModelVersion,
) -> None:
    client = sign_in("Owen")
    approval.reject(version=version, by=owen())

    answer = client.post(f"{CARD}/reject", {"reason": "It is too slow."})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert page.count('value="It is too slow."') == 1
    assert page.count('name="reason"') > page.count("It is too slow.") > 0
    ids = [part.split('"', 1)[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
