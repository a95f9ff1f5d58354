"""The predictions log over REST, with truth."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from labelling.collector.truth import record_truth
from registry.clock import now
from registry.identifiers import canonical_key
from registry.models import Project
from serving import predictions
from tests.calls import Rest
from tests.factories import (
    make_bare_version,
    make_key,
    make_prediction,
    make_project,
    make_rows,
    make_serving,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def churn() -> Project:
    return make_project()


@pytest.fixture
def rest(churn: Project) -> Rest:
    return Rest(churn, make_key(churn, "manage"))


def ids(rest: Rest, query: str = "") -> list[str]:
    answer = rest.get(f"predictions{query}")
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_a_filter_takes_a_version_as_answers_name_it(churn: Project) -> None:
    make_serving(churn)
    rest = Rest(churn, make_key(churn, "manage", "read"))
    row = make_prediction(churn, version=churn.versions.get())
    for model in ("1", "churn/1"):
        assert ids(rest, f"?model={model}") == [str(row.pk)]
        for path in ("metrics", "drift"):
            assert rest.get(f"{path}?model={model}").status_code == 200, (path, model)
    for model, status in (("other/1", 404), ("churn/", 400), ("0", 400), ("x", 400),
                          ("9" * 19, 400), ("churn/²", 400)):  # fmt: skip
        for path in ("predictions", "metrics", "drift"):
            answer = rest.get(f"{path}?model={model}")
            assert answer.status_code == status, (path, model)


def test_an_empty_filter_filters_nothing(churn: Project, rest: Rest) -> None:
    row = make_prediction(churn)
    assert ids(rest, "?reference=&entity=&cursor=") == [str(row.pk)]
    assert rest.get("predictions?limit=").status_code == 400  # what is no text


def test_an_answer_is_found_with_its_version_and_truth(
    churn: Project, rest: Rest
) -> None:
    row = make_prediction(churn, reference="order 1", at=now() - DAY)
    shown = rest.get(f"predictions/{row.pk}").json()
    assert shown["prediction"] == "Yes"
    assert (shown["model"], shown["variant"]) == ("churn/1", "live")
    assert shown["input"] == row.input
    assert shown["truth"] is None

    for value in ("Yes", "No"):
        items = [{"reference": "order 1", "value": value}]
        record_truth(project=churn, items=items, actor=None, now=now())
    truth = rest.get(f"predictions/{row.pk}").json()["truth"]
    assert (truth["value"], truth["source"]) == ("No", "outcome")
    assert [said["value"] for said in truth["history"]] == ["Yes", "No"]
    (listed,) = rest.get("predictions").json()["results"]
    assert listed["truth"]["value"] == "No"
    assert "history" not in listed["truth"]


def test_nought_is_an_answer_like_any_other(churn: Project, rest: Rest) -> None:
    row = make_prediction(churn, output={"prediction": 0.0, "score": 0.0}, score=0.0)
    (listed,) = rest.get("predictions").json()["results"]
    for shown in (rest.get(f"predictions/{row.pk}").json(), listed):
        assert (shown["prediction"], shown["score"]) == (0.0, 0.0)
        assert not {"error", "reference", "warnings"} & set(shown)  # nothing to say


def test_early_truth_and_silence_are_seen_before_any_tick(
    churn: Project, rest: Rest
) -> None:
    items = [{"reference": "order 1", "value": "Yes"}]
    record_truth(project=churn, items=items, actor=None, now=now())
    early = make_prediction(churn, reference="order 1")
    silent = make_prediction(churn, at=now() - 31 * DAY)
    assert rest.get(f"predictions/{early.pk}").json()["truth"]["value"] == "Yes"
    truth = rest.get(f"predictions/{silent.pk}").json()["truth"]
    assert (truth["value"], truth["source"]) == ("No", "silence")
    assert "history" not in truth


def test_the_log_is_filtered_and_paged(churn: Project, rest: Rest) -> None:
    start = now() - 10 * DAY
    second = make_bare_version(churn, 2)
    rows = [
        make_prediction(churn, at=start, reference="a", entity="C1"),
        make_prediction(churn, at=start + DAY, entity="C1"),
        make_prediction(churn, at=start + 2 * DAY, version=second),
    ]
    first, middle, last = (str(row.pk) for row in rows)
    assert ids(rest) == [last, middle, first]
    assert ids(rest, "?reference=a") == [first]
    assert ids(rest, "?entity=C1") == [middle, first]
    assert ids(rest, "?model=2") == [last]
    since, until = (quote((start + n * DAY).isoformat()) for n in (1, 2))
    assert ids(rest, f"?from={since}&to={until}") == [middle]
    page = rest.get("predictions?limit=2").json()
    following = rest.client.get(page["next"], headers=rest.headers).json()
    assert [row["id"] for row in following["results"]] == [first]
    for query in ("?from=yesterday", "?model=one", "?colour=red", "?cursor=x"):
        assert rest.get(f"predictions{query}").status_code == 400


def test_what_is_rare_is_looked_for_in_so_many_answers_a_page(
    churn: Project, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, start = make_bare_version(churn, 2), now() - DAY
    moments = [start + n * timedelta(minutes=1) for n in range(50)]
    for n, moment in enumerate(moments):
        version = {"version": second} if n % 20 == 0 else {}
        make_prediction(churn, at=moment, reference=f"r{n}", entity="C1", **version)
    monkeypatch.setattr(predictions, "LOOKED", 10)

    found, address = [], "predictions?model=2&limit=5"
    page = rest.get(address).json()
    while page["next"]:
        found.append([row["reference"] for row in page["results"]])
        page = rest.client.get(page["next"], headers=rest.headers).json()
    found.append([row["reference"] for row in page["results"]])

    assert found == [["r40"], [], ["r20"], [], ["r0"]]
    assert set(page) == {"results", "next"}
    since, until = (quote(one.isoformat()) for one in (moments[3], moments[8]))
    assert len(ids(rest, f"?from={since}&to={until}")) == 5  # an index finds them
    assert len(ids(rest, "?reference=r3")) == 1
    assert len(ids(rest, "?entity=C1&limit=50")) == 10  # of more than may be read


def test_an_entity_of_several_columns_is_asked_for_as_json(rest: Rest) -> None:
    flights = make_project("flights", entity=["carrier", "flight"])
    key = canonical_key(flights.entity, {"carrier": "UA", "flight": 1545})
    row = make_prediction(flights, entity=key)
    rest = Rest(flights, make_key(flights, "manage"))
    asked = quote('{"flight": 1545, "carrier": "UA"}')
    assert ids(rest, f"?entity={asked}") == [str(row.pk)]
    for wrong in ("UA", '{"carrier": "UA"}', '{"carrier": ["UA"], "flight": 1}'):
        assert rest.get(f"predictions?entity={quote(wrong)}").status_code == 400


def test_blanks_at_the_ends_of_a_name_are_part_of_it(churn: Project) -> None:
    rest = Rest(
        make_serving(churn).project, make_key(churn, "predict", "manage", "truth")
    )
    names = {"reference": " order 1 ", "entity": "C1\t"}
    sent = rest.post("predict", {"input": make_rows(1)[0], **names})
    for name, said in names.items():
        assert ids(rest, f"?{name}={quote(said)}") == [sent.json()["id"]]
        assert ids(rest, f"?{name}={quote(said.strip())}") == []
    for name, waiting in (("order 1", 1), (names["reference"], 0)):
        told = rest.post("truth", {"reference": name, "value": "Yes"})
        assert told.json()["waiting"] == waiting


def test_an_entity_of_several_columns_is_shown_as_it_may_be_sent() -> None:
    flights = make_project("flights", entity=["carrier", "flight"])
    rest = Rest(flights, make_key(flights, "manage", "truth"))
    key = canonical_key(flights.entity, {"carrier": "UA", "flight": 1545})
    row = make_prediction(flights, entity=key)
    entity = rest.get(f"predictions/{row.pk}").json()["entity"]
    assert entity == {"carrier": "UA", "flight": "1545"}
    assert ids(rest, f"?entity={quote(json.dumps(entity))}") == [str(row.pk)]
    said = rest.post("truth", {"entity": entity, "value": "Yes"})
    assert said.status_code == 202, said.content
    (told,) = rest.get("truth").json()["results"]
    assert (told["key_kind"], told["key"]) == ("entity", entity)


def test_an_entity_of_other_columns_than_todays_is_shown_as_it_is_kept() -> None:
    flights = make_project("flights", entity=["carrier", "flight"])
    rest = Rest(flights, make_key(flights, "manage"))
    for key in ('["UA"]', "UA", "1545"):
        row = make_prediction(flights, entity=key)
        assert rest.get(f"predictions/{row.pk}").json()["entity"] == key


def test_what_a_shadow_said_is_listed_under_its_model(
    churn: Project, rest: Rest
) -> None:
    answer = make_prediction(churn)
    shadow = make_prediction(
        churn,
        version=make_bare_version(churn, 2),
        role="shadow",
        shadow_of=answer.pk,
    )
    assert ids(rest) == [str(answer.pk)]
    assert ids(rest, "?model=2") == [str(shadow.pk)]


def test_a_page_takes_few_queries(
    churn: Project, rest: Rest, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        make_prediction(churn, reference=f"r{n}", entity=f"C{n}")
    with django_assert_max_num_queries(12):
        assert len(ids(rest)) == 30


def test_the_log_is_not_for_viewers_or_others(churn: Project) -> None:
    row = make_prediction(churn)
    for scope in ("read", "predict", "label"):
        rest = Rest(churn, make_key(churn, scope, name=scope))
        assert rest.get("predictions").status_code == 403
    other = make_project("other")
    rest = Rest(other, make_key(other, "manage", name="other"))
    assert rest.get(f"predictions/{row.pk}").status_code == 404
    assert rest.get(f"predictions/{uuid4()}").status_code == 404
    assert rest.get("predictions/7").status_code == 404
    assert Rest(churn).get("predictions").status_code == 401
