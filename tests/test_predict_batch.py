"""Many at once: in their order, stored as they are acknowledged, remembered whole."""

import pytest

from registry.models import Project
from serving import predictions
from serving.models import Prediction, PredictionInbox
from tests.calls import Rest
from tests.factories import make_canary, make_key, make_rows, make_serving

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def asked(n: int) -> list[dict]:
    return [{"input": row, "reference": f"r{i}"} for i, row in enumerate(make_rows(n))]


def test_answers_come_in_the_order_of_their_requests_and_are_all_stored(
    rest: Rest,
) -> None:
    requests = asked(1203)
    responses = rest.post("predict/batch", {"requests": requests}).json()["responses"]
    assert len(responses) == 1203
    stored = {str(row.pk): row for row in Prediction.objects.all()}
    assert len(stored) == 1203
    assert PredictionInbox.objects.count() == 1203
    for request, response in zip(requests, responses, strict=True):
        row = stored[response["id"]]
        assert row.reference == request["reference"]
        expected = "Yes" if request["input"]["tenure"] < 12 else "No"
        assert response["prediction"] == row.output["prediction"] == expected


def test_one_by_one_and_together_give_the_same_answers(rest: Rest) -> None:
    requests = asked(20)
    together = rest.post("predict/batch", {"requests": requests}).json()["responses"]
    for request, response in zip(requests, together, strict=True):
        alone = rest.post("predict", request).json()
        for name in ("prediction", "score", "probabilities", "decision", "model"):
            assert alone[name] == response[name]


def test_rows_of_one_batch_go_to_their_own_variants(
    rest: Rest, project: Project
) -> None:
    make_canary(project, percent=50)
    requests = [row | {"user": f"u{i}"} for i, row in enumerate(asked(200))]
    responses = rest.post("predict/batch", {"requests": requests}).json()["responses"]
    variants = [response["variant"] for response in responses]
    assert 60 < variants.count("canary") < 140
    assert set(variants) == {"canary", "live"}


def test_no_transaction_is_longer_than_a_chunk(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    store = predictions.store

    def watched(rows: list, **more: object) -> None:
        sizes.append(len(rows))
        store(rows, **more)

    monkeypatch.setattr(predictions, "store", watched)
    rest.post("predict/batch", {"requests": asked(1100)})
    assert sum(sizes) == 1100
    assert max(sizes) <= 500


def test_a_retried_batch_is_stored_once(rest: Rest) -> None:
    body = {"requests": asked(3)}
    first = rest.post("predict/batch", body, Idempotency_Key="b1")
    again = rest.post("predict/batch", body, Idempotency_Key="b1")
    assert first.json() == again.json()
    assert Prediction.objects.count() == 3


def test_an_empty_batch_is_answered(rest: Rest) -> None:
    assert rest.post("predict/batch", {"requests": []}).json() == {"responses": []}
