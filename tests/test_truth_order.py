"""In whatever order truths and predictions arrive, and however often, the same counts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelling.collector.choice import complete
from labelling.collector.silence import mature
from labelling.collector.truth import record_truth
from labelling.collector.waiting import claim_waiting, match_waiting
from labelling.models import GroundTruth, Match
from registry.models import Project
from serving.models import Prediction
from tests.factories import make_prediction, make_project

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HORIZON = 10 * HOUR
END = START + 100 * HOUR

hours = st.integers(0, 30)
predictions = st.lists(
    st.fixed_dictionaries(
        {
            "hour": hours,
            "reference": st.sampled_from(["", "r1", "r2"]),
            "entity": st.sampled_from(["", "e1", "e2"]),
            "test": st.sampled_from([False, False, False, True]),
        }
    ),
    max_size=5,
)
truths = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["p0", "p1", "r1", "r2", "e1", "e2", "e1@"]),
            "value": st.sampled_from(["Yes", "No"]),
            "source": st.sampled_from(["outcome", "feedback", "import"]),
            "hour": hours,
        }
    ),
    max_size=8,
    unique_by=lambda truth: truth["hour"],  # two words about one moment: test_truth
)


@pytest.mark.django_db
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(predictions=predictions, truths=truths, data=st.data())
def test_any_order_and_any_repetition_end_in_the_same_matches(
    db: None, predictions: list[dict[str, Any]], truths: list[dict[str, Any]], data: Any
) -> None:
    Project.objects.all().delete()
    project = make_project(horizon=HORIZON, truth_precedence=["feedback"])
    things = [("prediction", i) for i in range(len(predictions))]
    things += [("truth", i) for i in range(len(truths))]
    things += data.draw(st.lists(st.sampled_from(things))) if things else []
    for kind, index in data.draw(st.permutations(things)):
        if kind == "truth":
            item = item_of(truths[index])
            record_truth(project=project, items=[item], actor=None, now=END)
        else:
            store(project, index, predictions[index])
        if data.draw(st.booleans()):
            match_waiting(now=END)
            mature(now=START + data.draw(hours) * HOUR)
    mature(now=END, sweep=True)

    found = {
        row.prediction_id: (row.value, row.source, row.observed_at)
        for row in Match.objects.all()
    }
    assert found == {
        id_of(index): expected(index, prediction, truths)
        for index, prediction in enumerate(predictions)
        if expected(index, prediction, truths)
    }
    assert GroundTruth.objects.count() == len(truths)


def id_of(index: int) -> UUID:
    return UUID(int=(0x7 << 76) + index)


def store(project: Project, index: int, row: dict[str, Any]) -> None:
    if not Prediction.objects.filter(pk=id_of(index)).exists():
        make_prediction(
            project,
            id=id_of(index),
            at=START + row["hour"] * HOUR,
            reference=row["reference"],
            entity=row["entity"],
            test=row["test"],
        )
    claim_waiting(project=project, predictions=[id_of(index)], now=START)


def item_of(truth: dict[str, Any]) -> dict[str, Any]:
    key = truth["key"]
    item: dict[str, Any] = {
        "value": truth["value"],
        "source": truth["source"],
        "observed_at": (START + truth["hour"] * HOUR).isoformat(),
    }
    if key.startswith("p"):
        return item | {"prediction": str(id_of(int(key[1:])))}
    if key.startswith("r"):
        return item | {"reference": key}
    if key.endswith("@"):
        return item | {"entity": key[:-1], "at": (START + 3 * HOUR).isoformat()}
    return item | {"entity": key}


def expected(index: int, asked: dict[str, Any], truths: list[dict[str, Any]]) -> Any:
    """The rules of the architecture page, spelt out the slow way."""
    heard = []
    for truth in truths:
        key, observed = truth["key"], truth["hour"]
        if key == f"p{index}":
            closeness = 3
        elif asked["test"]:
            continue
        elif key == asked["reference"]:
            closeness = 2
        elif key.removesuffix("@") == asked["entity"] != "":
            if key.endswith("@"):
                joins = asked["hour"] == 3
            else:
                joins = observed - 10 < asked["hour"] <= observed
            if not joins:
                continue
            closeness = 1
        else:
            continue
        strength = -complete(["feedback"]).index(truth["source"])
        heard.append((strength, closeness, observed, truth))
    if heard:
        _, _, observed, truth = max(heard, key=lambda entry: entry[:3])
        return truth["value"], truth["source"], START + observed * HOUR
    if asked["test"]:
        return None
    return "No", "silence", START + asked["hour"] * HOUR + HORIZON
