"""Many rows at once are the rows that `bulk_create` would have made."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError

from labelling.models import Example, ExamplePayload, ExampleVector, Lease
from registry import bulk
from tests.factories import make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
MOMENT = datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)


def test_every_kind_of_value_is_stored_as_models_store_it() -> None:
    project, erin = make_project("mail"), make_user("Erin")
    gold: list[Any] = [None, "Yes", ["a", "b"], 1.5, 'a "quoted" % ü\n']
    for store, names in (
        (Example.objects.bulk_create, "abcde"),
        (bulk.insert, "fghij"),
    ):
        store(
            [
                Example(
                    project=project,
                    key=name,
                    content_hash=name,
                    prediction_id=UUID(int=place) if place else None,
                    shuffle=place,
                    gold=value,
                    score=place / 3,
                )
                for place, (name, value) in enumerate(zip(names, gold, strict=True))
            ]
        )
    columns = ["prediction_id", "shuffle", "gold", "score", "state", "reason", "answer"]
    stored = list(Example.objects.order_by("key").values_list(*columns))
    assert stored[5:] == stored[:5]
    assert [row[2] for row in stored[5:]] == gold
    assert Example.objects.filter(gold__isnull=True).count() == 2
    assert not Example.objects.filter(created_at=None).exists()

    keys = list(Example.objects.order_by("key").values_list("pk", flat=True))
    data = {"text": "100 % of \\ and ü", "n": [1, None, {"a": True}]}
    bulk.insert([ExamplePayload(example_id=pk, data=data) for pk in keys])
    bulk.insert(
        [ExampleVector(example_id=pk, layout="x", data=b"\0\xff%s") for pk in keys]
    )
    bulk.insert(
        [
            Lease(example_id=pk, user=erin, created_at=MOMENT, expires_at=MOMENT)
            for pk in keys
        ]
    )
    example = Example.objects.select_related("payload", "vector").get(key="j")
    assert example.payload.data == data
    assert bytes(example.vector.data) == b"\0\xff%s"
    lease = example.leases.get()
    assert (lease.created_at, lease.ended) == (MOMENT, False)
    assert Lease.objects.values("token").distinct().count() == len(keys)


def test_the_databases_rules_hold_and_nothing_is_no_error() -> None:
    bulk.insert([])
    project = make_project("mail")
    twice = [Example(project=project, key="a", content_hash="a", shuffle=1)] * 2
    with pytest.raises(IntegrityError):
        bulk.insert(twice)
