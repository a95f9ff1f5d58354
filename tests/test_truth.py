"""Truth enters once, joins by key, may be early, late, repeated, corrected, unknown."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from labelling.collector import truth as collector
from labelling.collector.delays import counts, delays
from labelling.collector.truth import Label, record_labels, record_truth
from labelling.collector.waiting import (
    claim_waiting,
    expire,
    match_recent,
    match_waiting,
)
from labelling.models import GroundTruth, Match, TruthInbox
from registry.identifiers import uuid7
from registry.models import Project
from serving.models import Prediction
from tests.factories import make_prediction, make_project, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def churn() -> Project:
    return make_project()


def say(project: Project, *items: dict[str, Any], now: datetime = NOW) -> list[int]:
    """Accepted, duplicates, waiting."""
    summary = record_truth(project=project, items=items, actor=None, now=now)
    assert summary.errors == []
    return [summary.accepted, summary.duplicates, summary.waiting]


def refusal(project: Project, item: Any) -> str:
    summary = record_truth(project=project, items=[item], actor=None, now=NOW)
    assert summary.accepted == 0
    return summary.errors[0]["message"]


def known(prediction: Prediction) -> Any:
    match = Match.objects.filter(prediction_id=prediction.pk).first()
    return match and match.value


def test_truth_joins_by_prediction_reference_or_entity(churn: Project) -> None:
    a = make_prediction(churn, at=NOW - DAY)
    b = make_prediction(churn, at=NOW - DAY, reference="order 7")
    c = make_prediction(churn, at=NOW - DAY, entity="C3")
    items = [
        {"prediction": str(a.pk), "value": "Yes"},
        {"reference": "order 7", "value": "No"},
        {"entity": {"customer": "C3"}, "value": "Yes"},
    ]
    assert say(churn, *items) == [3, 0, 0]
    assert [known(a), known(b), known(c)] == ["Yes", "No", "Yes"]
    assert set(GroundTruth.objects.values_list("state", flat=True)) == {"matched"}


def test_an_entity_joins_what_was_predicted_within_its_horizon(churn: Project) -> None:
    early = make_prediction(churn, entity="C1", at=NOW - 30 * DAY)
    first = make_prediction(churn, entity="C1", at=NOW - 29 * DAY)
    last = make_prediction(churn, entity="C1", at=NOW)
    later = make_prediction(churn, entity="C1", at=NOW + timedelta(seconds=1))
    other = make_prediction(churn, entity="C2", at=NOW - DAY)
    say(churn, {"entity": "C1", "value": "Yes"})
    assert [known(p) for p in (early, first, last, later, other)] == [
        None, "Yes", "Yes", None, None,
    ]  # fmt: skip


def test_at_picks_the_one_prediction_for_that_moment(churn: Project) -> None:
    one = make_prediction(churn, entity="C1", at=NOW - 2 * DAY)
    two = make_prediction(churn, entity="C1", at=NOW - DAY)
    at = (NOW - 2 * DAY).isoformat()
    assert say(churn, {"entity": "C1", "at": at, "value": "Yes"}) == [1, 0, 0]
    assert [known(one), known(two)] == ["Yes", None]


def test_without_a_horizon_an_entity_is_itself(churn: Project) -> None:
    project = make_project("once", horizon=None, silence="unknown")
    before = make_prediction(project, entity="C1", at=NOW - 400 * DAY)
    say(project, {"entity": "C1", "value": "Yes"})
    after = make_prediction(project, entity="C1", at=NOW + DAY)
    claim_waiting(project=project, predictions=[after.pk], now=NOW + DAY)
    assert [known(before), known(after)] == ["Yes", "Yes"]


def test_early_truth_waits_and_is_found_by_the_tick(churn: Project) -> None:
    assert say(churn, {"reference": "order 1", "value": "Yes"}) == [1, 0, 1]
    assert counts(project=churn) == {"waiting": 1, "matched": 0, "expired": 0}
    prediction = make_prediction(churn, reference="order 1", at=NOW + DAY)
    assert known(prediction) is None
    assert match_waiting(now=NOW + DAY) == 1
    assert known(prediction) == "Yes"
    assert counts(project=churn) == {"waiting": 0, "matched": 1, "expired": 0}


def test_a_later_prediction_finds_truth_that_has_already_matched(
    churn: Project,
) -> None:
    make_prediction(churn, entity="C1", at=NOW - 2 * DAY)
    say(churn, {"entity": "C1", "value": "Yes"})
    sent_late = make_prediction(churn, entity="C1", at=NOW - DAY)
    claim_waiting(project=churn, predictions=[sent_late.pk], now=NOW)
    assert known(sent_late) == "Yes"


def test_the_tick_finds_young_predictions_of_truth_that_has_matched(
    churn: Project,
) -> None:
    make_prediction(churn, reference="order 1", entity="C1", at=NOW - 3 * DAY)
    say(churn, {"reference": "order 1", "value": "Yes"})
    say(churn, {"entity": "C2", "value": "No"}, {"entity": "C1", "value": "Yes"})
    make_prediction(churn, entity="C2", at=NOW - DAY)
    match_waiting(now=NOW)
    asked_again = make_prediction(churn, id=uuid7(NOW), at=NOW, reference="order 1")
    sent_late = make_prediction(churn, id=uuid7(NOW), at=NOW - 2 * DAY, entity="C2")
    tried = make_prediction(churn, id=uuid7(NOW), at=NOW, entity="C1", test=True)
    later = make_prediction(churn, id=uuid7(NOW), at=NOW + DAY, entity="C1")
    assert match_recent(now=NOW + DAY, age=HOUR) == 0  # too old by then
    assert match_recent(now=NOW + HOUR / 2, age=HOUR) == 2
    found = [known(row) for row in (asked_again, sent_late, tried, later)]
    assert found == ["Yes", "No", None, None]
    assert match_recent(now=NOW + HOUR / 2, age=HOUR) == 0


def test_said_twice_is_one_truth(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW - DAY, entity="C1")
    by_id = {"prediction": str(prediction.pk), "value": "Yes"}
    dated = by_id | {"value": "No", "observed_at": "2026-04-30T18:00:00+02:00"}
    by_entity = {"entity": "C1", "value": "Yes"}
    assert say(churn, by_id, by_id, by_entity) == [2, 1, 0]
    assert say(churn, by_id, by_entity, now=NOW + DAY) == [0, 2, 0]
    assert say(churn, dated, dated) == [1, 1, 0]
    assert GroundTruth.objects.count() == 3


def test_an_entity_asked_about_again_may_say_the_same_again(churn: Project) -> None:
    make_prediction(churn, entity="C1", at=NOW - DAY)
    say(churn, {"entity": "C1", "value": "No"})
    again = make_prediction(churn, entity="C1", at=NOW + DAY)
    assert say(churn, {"entity": "C1", "value": "No"}, now=NOW + 2 * DAY) == [1, 0, 0]
    assert known(again) == "No"


def test_a_correction_counts_and_the_history_stays(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW - DAY)
    key = {"prediction": str(prediction.pk)}
    say(churn, key | {"value": "Yes"})
    assert say(churn, key | {"value": "No"}, now=NOW + DAY) == [1, 0, 0]
    assert known(prediction) == "No"
    history = GroundTruth.objects.order_by("version").values_list("version", "value")
    assert list(history) == [(1, "Yes"), (2, "No")]


def test_of_two_words_about_one_moment_the_last_counts(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW - DAY)
    key = {"prediction": str(prediction.pk), "observed_at": NOW.isoformat()}
    say(churn, key | {"value": "Yes"}, key | {"value": "No"})
    assert known(prediction) == "No"
    assert say(churn, key | {"value": "Yes"}) == [0, 1, 0]  # a redelivery
    assert known(prediction) == "No"


def test_the_stronger_source_counts_whenever_it_comes(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW - DAY)
    key, erin = {"prediction": str(prediction.pk)}, make_user("Erin")
    label = Label(kind="prediction", key=str(prediction.pk), value="No", author=erin)
    record_labels(project=churn, labels=[label], now=NOW)
    say(churn, key | {"value": "Yes"}, key | {"value": "Yes", "source": "import"})
    assert known(prediction) == "No"

    churn.truth_precedence = ["import", "outcome"]
    churn.save()
    say(churn, key | {"value": "Yes", "source": "feedback"})
    assert known(prediction) == "Yes"
    assert Match.objects.get().source == "import"


def test_a_label_taken_back_gives_way_to_the_next_source(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW - DAY)
    say(churn, {"prediction": str(prediction.pk), "value": "Yes"})
    for value in ("No", None):
        label = Label(
            kind="prediction",
            key=str(prediction.pk),
            value=value,
            author=make_user("Erin"),
        )
        record_labels(project=churn, labels=[label], now=NOW)
        assert known(prediction) == (value or "Yes")
    GroundTruth.objects.filter(source="outcome").delete()
    claim_waiting(project=churn, predictions=[prediction.pk], now=NOW)
    assert known(prediction) is None


def test_a_shadow_shares_the_truth_of_the_answer_it_shadows(churn: Project) -> None:
    answer = make_prediction(churn, at=NOW - DAY)
    shadow = make_prediction(churn, at=NOW - DAY, shadow_of=answer.pk, role="shadow")
    say(churn, {"prediction": str(answer.pk), "value": "Yes"})
    assert known(shadow) == "Yes"


def test_a_test_prediction_is_reached_by_its_own_id_alone(churn: Project) -> None:
    tried = make_prediction(churn, at=NOW - DAY, entity="C1", reference="r", test=True)
    assert say(
        churn, {"entity": "C1", "value": "Yes"}, {"reference": "r", "value": "Yes"}
    ) == [2, 0, 2]
    assert known(tried) is None
    say(churn, {"prediction": str(tried.pk), "value": "Yes"})
    assert known(tried) == "Yes"
    assert delays(project=churn).n == 0


def test_another_projects_prediction_is_out_of_reach(churn: Project) -> None:
    other = make_project("flights")
    theirs = make_prediction(other, at=NOW - DAY, entity="C1", reference="order 1")
    items = [
        {"prediction": str(theirs.pk), "value": "Yes"},
        {"reference": "order 1", "value": "Yes"},
        {"entity": "C1", "value": "Yes"},
    ]
    assert say(churn, *items) == [3, 0, 3]
    assert match_waiting(now=NOW) == 0
    assert known(theirs) is None


def test_every_change_of_a_match_is_told_to_the_monitor_once(churn: Project) -> None:
    prediction = make_prediction(churn, at=NOW - DAY)
    key = {"prediction": str(prediction.pk)}
    say(churn, key | {"value": "Yes"})
    say(churn, key | {"value": "Yes"})
    match_waiting(now=NOW)
    assert TruthInbox.objects.count() == 1
    say(churn, key | {"value": "No"}, now=NOW + DAY)
    assert TruthInbox.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"value": "maybe"}, "value: 'maybe' is no class of this project: write 'No'"),
        ({"value": None}, "value: value is missing"),
        ({"value": ["Yes"]}, "is no class"),
        ({"value": {"class": "Yes"}}, "is no class"),
        ({"observed_at": "2026-05-02T12:00:00Z"}, "is in the future"),
        ({"observed_at": "2026-04-02T12:00:00"}, "a time with an offset"),
        ({"observed_at": 7}, "a time with an offset"),
        ({"source": "expert"}, "comes from labelling"),
        ({"source": "rumour"}, "outcome, feedback, import"),
        ({"at": "2026-04-02T12:00:00Z"}, "at belongs to an entity"),
        ({"prediction": "7"}, "the id that the prediction's answer gave"),
        ({"prediction": 7}, "the id that the prediction's answer gave"),
        ({"reference": ""}, "reference: "),  # whichever of them counts
        ({"entity": ""}, "empty"),
        ({"prediction": None, "reference": ""}, "reference: "),
        ({"prediction": None, "reference": "x" * 201}, "200 characters"),
        ({"prediction": None, "entity": {"client": "C1"}}, "exactly customer"),
        ({"prediction": None, "entity": "x" * 301}, "300 characters"),
        ({"prediction": None, "entity": ""}, "empty"),
        ({"prediction": None, "entity": ["C1"]}, "entity: "),
        ({"prediction": None}, "Name a prediction, a reference or an entity"),
        ({"colour": "red"}, "Unknown field"),
    ],
)
def test_a_bad_truth_is_refused_with_its_cure(
    churn: Project, change: dict[str, Any], complaint: str
) -> None:
    item = {"prediction": str(uuid4()), "value": "Yes"} | change
    assert complaint in refusal(churn, item)


def test_a_bad_item_does_not_keep_the_others_out(churn: Project) -> None:
    good = {"reference": "a", "value": "Yes"}
    summary = record_truth(
        project=churn, items=[good, "no", good | {"value": 7}], actor=None, now=NOW
    )
    assert summary.accepted == 1
    assert [error["index"] for error in summary.errors] == [1, 2]


def test_a_clock_that_is_a_little_fast_is_forgiven(churn: Project) -> None:
    ahead = (NOW + timedelta(seconds=30)).isoformat()
    item = {"reference": "a", "value": "Yes", "observed_at": ahead}
    assert say(churn, item) == [1, 0, 1]


@pytest.mark.parametrize(
    ("task", "classes", "given", "stored"),
    [
        ("multiclass", ["1", "2", "3"], 2, "2"),
        ("multiclass", ["1", "2", "3"], 2.0, "2"),
        ("binary", ["false", "true"], True, "true"),
        ("binary", ["0", "1"], True, "1"),
        ("multilabel", ["a", "b", "c"], ["c", "a", "c"], ["a", "c"]),
        ("multilabel", ["a", "b"], [], []),
        ("regression", [], 7, 7.0),
        ("regression", [], -2.5, -2.5),
    ],
)
def test_a_value_is_stored_as_the_project_spells_it(
    task: str, classes: list[str], given: Any, stored: Any
) -> None:
    positive = classes[-1] if task == "binary" else ""
    project = make_project(
        task=task, classes=classes, positive_class=positive, silence="unknown"
    )
    say(project, {"reference": "a", "value": given})
    assert GroundTruth.objects.get().value == stored


@pytest.mark.parametrize("value", ["7", True, 10**400, [1], float("inf")])
def test_a_regression_takes_numbers_alone(value: Any) -> None:
    project = make_project(task="regression", classes=[], silence="unknown")
    assert "number" in refusal(project, {"reference": "a", "value": value})


def test_what_waits_too_long_expires_and_joins_all_the_same(churn: Project) -> None:
    churn.retention = 10 * DAY
    churn.save()
    say(churn, {"reference": "order 1", "value": "Yes"})
    assert expire(now=NOW + 40 * DAY) == 0
    assert expire(now=NOW + 41 * DAY) == 1
    late = make_prediction(churn, reference="order 1", at=NOW + 50 * DAY)
    claim_waiting(project=churn, predictions=[late.pk], now=NOW + 50 * DAY)
    assert known(late) == "Yes"
    assert GroundTruth.objects.get().state == "matched"


def test_the_delay_of_truth_is_measured(churn: Project) -> None:
    for day in range(1, 11):
        at = NOW - day * DAY
        make_prediction(churn, reference=f"order {day}", at=at)
        say(churn, {"reference": f"order {day}", "value": "Yes"})
    found = delays(project=churn)
    assert (found.n, found.median, found.p90, found.longest) == (
        10,
        5 * 86_400,
        9 * 86_400,
        10 * 86_400,
    )
    assert delays(project=make_project("new")).median is None


def test_a_big_batch_takes_a_handful_of_queries(
    churn: Project, django_assert_max_num_queries: Any
) -> None:
    made = [make_prediction(churn, at=NOW - DAY) for _ in range(100)]
    items = [{"prediction": str(row.pk), "value": "Yes"} for row in made]
    with django_assert_max_num_queries(20):
        assert say(churn, *items) == [100, 0, 0]


def test_more_than_ten_thousand_are_too_many(churn: Project) -> None:
    with pytest.raises(collector.TooLarge):
        record_truth(project=churn, items=[{}] * 10_001, actor=None, now=NOW)
