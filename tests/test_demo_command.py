"""`manage.py demo`: whatever stops it is a sentence, and what is told stays."""

import errno

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from mlsystem.demo import acts, people, stories
from mlsystem.demo.story import Act, Telling
from serving.models import Prediction
from tests.demo_story import SLUG, install_small_data, make_story
from tests.factories import make_dataset, make_project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("stopped_by", "told", "code"),
    [
        (KeyboardInterrupt(), "Stopped", 130),
        (OperationalError("database or disk is full"), "disk is full", 1),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left", 1),
    ],
)
def test_what_stops_it_is_a_sentence_and_the_next_start_goes_on(
    monkeypatch: pytest.MonkeyPatch, stopped_by: BaseException, told: str, code: int
) -> None:
    def stop(telling: Telling) -> None:
        raise stopped_by

    install_small_data(monkeypatch)
    story = make_story(acts=(acts.REPLAY, Act(name="stopping", weight=1.0, do=stop)))
    monkeypatch.setitem(stories.STORIES, SLUG, story)

    with pytest.raises(CommandError, match=told) as ended:
        call_command("demo", "--no-serve", "--only", SLUG)

    assert "the next start goes on from there" in str(ended.value)
    assert ended.value.returncode == code
    assert Prediction.objects.count() == 96


def test_a_project_of_ones_own_is_left_alone() -> None:
    own = make_project("churn", definition="mine.churn")
    make_dataset(own)

    with pytest.raises(CommandError, match="churn is a project of your own"):
        call_command("demo", "--no-serve", "--only", "churn")

    own.refresh_from_db()
    assert own.definition == "mine.churn"
    assert not own.memberships.filter(user__username__in=people.CAST).exists()
