"""Registry: what a model version promises at registration and at every load."""

from pathlib import Path

import pytest
from django.conf import settings

from registry import storage
from registry.answering import ModelFailure
from registry.models import ModelVersion
from registry.versions import VersionBroken, forget_loaded, load_version
from tests.factories import make_project, make_rows, make_rule, make_version

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    forget_loaded()


def file_of(version: ModelVersion) -> Path:
    return Path(settings.ARTIFACTS_URL.removeprefix("file://")) / version.uri


def test_numbers_count_up_by_project() -> None:
    churn, other = make_project("churn"), make_project("other")
    assert [make_version(churn).number for _ in range(3)] == [1, 2, 3]
    assert make_version(other).number == 1


def test_a_version_keeps_golden_rows_latency_hash_and_environment() -> None:
    version = make_version(make_project())
    assert len(version.golden) == 20
    assert version.latency_us > 0
    assert storage.local_copy(uri=version.uri, sha256=version.sha256).is_file()
    assert set(version.environment) >= {"python", "scikit-learn", "skops"}


def test_a_loaded_version_answers_with_score_probabilities_and_decision() -> None:
    loaded = load_version(make_version(make_project()))
    row = {"tenure": 3, "monthly_charges": 100.0}
    (answer,) = loaded.answer([row])
    assert answer.prediction == "Yes"
    assert answer.score == answer.probabilities["Yes"]
    assert sum(answer.probabilities.values()) == pytest.approx(1.0)
    assert answer.decision["action"] == "offer"
    assert "× 6 × 100.00" in answer.decision["reason"]


def test_a_decision_reads_fields_that_the_model_does_not() -> None:
    loaded = load_version(make_version(make_project()))
    row, sent = {"tenure": 3}, {"tenure": 3, "monthly_charges": 1.0}
    (answer,) = loaded.answer([row], inputs=[sent])
    assert answer.decision["action"] == "wait"


def test_the_word_that_explanations_are_in_follows_the_project() -> None:
    project = make_project()
    version = make_version(project)
    assert load_version(version).unit == "churn"
    project.unit = "minutes"
    assert load_version(version).unit == "minutes"


def test_explanations_add_up_to_the_log_odds() -> None:
    loaded = load_version(make_version(make_project()))
    for row, told in zip(make_rows(10), loaded.explain(make_rows(10)), strict=True):
        parts = [part["contribution"] for part in told["contributions"]]
        assert told["base"] + sum(parts) == pytest.approx(told["total"], abs=1e-9)
        assert told["unit"] == "log-odds"
        assert told["of"] == "Yes"
        assert told["approximate"] is False
        assert {"feature": "tenure", "value": row["tenure"]}.items() <= (
            told["contributions"][0].items()
        )


@pytest.mark.faults
def test_a_missing_file_is_refused_with_its_name() -> None:
    version = make_version(make_project())
    file_of(version).unlink()
    with pytest.raises(VersionBroken, match="missing"):
        load_version(version)


def test_a_swapped_file_is_refused() -> None:
    project = make_project()
    version = make_version(project)
    other = make_version(project, model=make_rule(project, value=40))
    file_of(version).write_bytes(file_of(other).read_bytes())
    with pytest.raises(VersionBroken, match="SHA-256"):
        load_version(version)


def test_a_file_swapped_together_with_its_hash_is_refused() -> None:
    project = make_project()
    version = make_version(project)
    other = make_version(project, model=make_rule(project, value=40))
    ModelVersion.objects.filter(pk=version.pk).update(
        uri=other.uri, sha256=other.sha256
    )
    version.refresh_from_db()
    with pytest.raises(VersionBroken, match="signature"):
        load_version(version)


@pytest.mark.parametrize(
    "change",
    [
        {"decision": {"kind": "threshold", "threshold": 0.01}},
        {"costs": {}},
        {"features": {"row": ["evil"]}},
        {"fields": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_changed_behind_our_back_is_refused(change: dict) -> None:
    version = make_version(make_project())
    ModelVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(VersionBroken, match="signature"):
        load_version(ModelVersion.objects.get(pk=version.pk))


def test_a_model_that_answers_its_golden_rows_differently_is_refused() -> None:
    version = make_version(make_project())
    golden = [row | {"raw": row["raw"] + 1} for row in version.golden]
    ModelVersion.objects.filter(pk=version.pk).update(golden=golden)
    with pytest.raises(VersionBroken, match="Golden row 0"):
        load_version(ModelVersion.objects.get(pk=version.pk))


def test_a_version_survives_the_database_with_odd_numbers() -> None:
    costs = {"matrix": {"a": {"Yes": 1e22, "No": 0.1}, "b": {"Yes": -0.0, "No": 3.0}}}
    version = make_version(make_project(), costs=costs)
    assert load_version(ModelVersion.objects.get(pk=version.pk)).answer(make_rows(1))


class Sick:
    """A model whose answers are not answers."""

    fields: list = []

    def __init__(self, labels: list, shares: list, classes: list | None = None) -> None:
        self.labels, self.shares = labels, shares
        self.classes_ = classes or ["No", "Yes"]

    def predict(self, rows: object) -> list:
        return self.labels

    def predict_proba(self, rows: object) -> list:
        if self.shares is None:
            raise MemoryError("too much")
        return self.shares


NAN = float("nan")


@pytest.mark.parametrize(
    ("sick", "words"),
    [
        (Sick(["Yes"], [[NAN, NAN]]), "probability of nan"),
        (Sick(["Yes"], [[0.1, 0.1]]), "add up to 0.2"),
        (Sick(["Yes"], [[-0.5, 1.5]]), "probability of -0.5"),
        (Sick(["Maybe"], [[0.5, 0.5]]), "'Maybe', which is none of"),
        (Sick(["Yes"], [[0.2, 0.3, 0.5]]), "3 probabilities for 2 classes"),
        (Sick(["Yes", "No"], [[0.5, 0.5]] * 2), "answered 2 rows of 1"),
        (Sick(["Yes"], [[0.5, 0.5]], ["No", "Perhaps"]), "class that the project"),
        (Sick(["Yes"], None), "raised MemoryError: too much"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nonsense_never_becomes_an_answer(sick: Sick, words: str) -> None:
    loaded = load_version(make_version(make_project()))
    loaded._model = sick
    with pytest.raises(ModelFailure, match=words):
        loaded.answer([{"tenure": 3, "monthly_charges": 1.0}])
