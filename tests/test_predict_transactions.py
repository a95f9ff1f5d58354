"""A model is asked before anything is written: however slow it is, nobody else waits for
the database, and what a candidate did stays known though its request was refused."""

from typing import Any

import pytest
from django.db import connection

from registry.answering import LoadedVersion
from registry.models import IdempotencyRecord, Project
from registry.versions import forget_loaded, load_version
from registry.web.idempotency import Slot
from serving import rollout
from serving.frontend.failures import MOST_IN_A_ROW
from serving.model_server import states
from serving.models import Prediction, PredictionInbox, RolloutEvent
from tests.calls import Rest
from tests.factories import make_canary, make_key, make_rows, make_serving
from tests.test_v2 import tensor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]
INFER = "/v2/models/churn/infer"
MANY = 1100  # three chunks


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def asked(path: str, n: int, *, last: int | None = None) -> dict[str, Any]:
    """The same customers by each door; `last` is the last one's tenure."""
    rows = make_rows(n)
    if last is not None:
        rows[-1]["tenure"] = last
    if path == "predict":
        return {"input": rows[0]}
    if path == INFER:
        tenures = [row["tenure"] for row in rows]
        charges = [row["monthly_charges"] for row in rows]
        inputs = [
            tensor("tenure", "INT64", tenures),
            tensor("monthly_charges", "FP64", charges),
        ]
        return {"inputs": inputs}
    return {"requests": [{"input": row} for row in rows]}


@pytest.mark.parametrize("once", [{}, {"Idempotency-Key": "k"}], ids=["", "with a key"])
@pytest.mark.parametrize("path", ["predict", "predict/batch", INFER])
def test_no_model_is_loaded_or_asked_while_a_transaction_is_open(
    rest: Rest, path: str, once: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_at: list[tuple[str, bool]] = []
    answer = LoadedVersion.answer

    def load(version: Any) -> LoadedVersion:
        open_at.append(("load", connection.in_atomic_block))
        return load_version(version)

    def ask(loaded: Any, *args: Any, **given: Any) -> Any:
        open_at.append(("ask", connection.in_atomic_block))
        return answer(loaded, *args, **given)

    monkeypatch.setattr(states, "load_version", load)
    monkeypatch.setattr(LoadedVersion, "answer", ask)
    forget_loaded()

    body = asked(path, MANY)
    first, again = (rest.post(path, body, **once) for _ in range(2))

    assert first.status_code == again.status_code == 200, first.content
    assert set(open_at) == {("load", False), ("ask", False)}
    times = 1 if once else 2
    stored = times * (1 if path == "predict" else MANY)
    assert Prediction.objects.count() == PredictionInbox.objects.count() == stored
    assert (first.json() == again.json()) is bool(once)


@pytest.mark.parametrize("path", ["predict/batch", INFER])
def test_the_slower_of_two_twins_stores_nothing_and_tells_what_the_other_did(
    rest: Rest, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, once = asked(path, MANY), {"Idempotency-Key": "k"}
    first = rest.post(path, body, **once)
    answered, looks = Slot.answered, iter([None])

    def late(slot: Slot) -> Any:
        """At its first look the twin is not remembered yet."""
        return next(looks, answered(slot))

    monkeypatch.setattr(Slot, "answered", late)
    again = rest.post(path, body, **once)

    assert again.json() == first.json()
    assert Prediction.objects.count() == MANY
    assert IdempotencyRecord.objects.count() == 1


def test_a_candidate_that_fails_goes_off_though_the_request_is_refused(
    rest: Rest, project: Project
) -> None:
    """V2 answers all rows or none: one bad row, and none of them is stored."""
    version = make_canary(project).candidate
    assert version is not None
    load_version(version)._model = None  # no question has an answer

    response = rest.post(INFER, asked(INFER, MOST_IN_A_ROW + 1, last=-5))

    assert response.status_code == 400
    assert not Prediction.objects.exists()
    event = RolloutEvent.objects.first()
    assert event is not None
    assert (event.action, event.author_name) == ("rollback", "the front-end")
    assert rollout.of_project(project).candidate is None
