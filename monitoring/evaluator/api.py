"""REST of component 3: judge predictions made anywhere; only aggregates come out."""

from typing import Any

from rest_framework import serializers

from monitoring.evaluator import sealed
from registry.answering import Answer
from registry.classes import by_class, find_class
from registry.errors import FieldError, InvalidInput
from registry.models import Dataset, Project
from registry.web.api import (
    ProjectApi,
    Request,
    Response,
    StrictSerializer,
    allow,
    idempotent,
    operation,
)

MOST_ROWS = 1_000_000
SUM_TOLERANCE = 1e-6
ALLOWED = {"prediction", "probabilities", "score", "action"}


class Measured(serializers.Serializer):
    """A metric with the interval in which it lies with 95 % confidence."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    reason = serializers.CharField(required=False, help_text="Why there is no value.")


class EvaluateApi(ProjectApi):
    access = {"POST": allow("owner", "manage")}

    class Input(StrictSerializer):
        test_set = serializers.IntegerField(
            min_value=1, help_text="The number of a dataset."
        )
        predictions = serializers.ListField(
            child=serializers.JSONField(),
            allow_empty=False,
            max_length=MOST_ROWS,
            help_text="One a test row, in their order: a class or number, or an object "
            "of prediction, probabilities or score, and action.",
        )

    class Output(serializers.Serializer):
        id = serializers.IntegerField(source="pk")
        test_set = serializers.IntegerField(source="dataset.number")
        n = serializers.IntegerField()
        looks = serializers.SerializerMethodField()
        task = serializers.CharField(source="report.task")
        currency = serializers.CharField(source="report.currency", allow_blank=True)
        metrics = serializers.DictField(child=Measured(), source="report.metrics")
        error_distribution = serializers.DictField(
            source="report.error_distribution",
            help_text="Regression: quantiles and histogram of errors; classes: the "
            "confusion, and each class.",
        )
        calibration = serializers.ListField(
            child=serializers.DictField(), source="report.calibration"
        )
        thresholds = serializers.DictField(source="report.thresholds", allow_null=True)
        slices = serializers.ListField(
            child=serializers.DictField(),
            source="report.slices",
            help_text="The worst first.",
        )

        def get_looks(self, evaluation: Any) -> int:
            """How often this test set was looked at: it wears out."""
            split = evaluation.dataset.split
            split.refresh_from_db(fields=["looks"])
            return int(split.looks)

    @operation(
        "Metrics with intervals, error distribution and slices of predictions for a "
        "sealed test set.",
        input=Input,
        output=Output,
    )
    @idempotent(own_commit=True)
    def post(self, request: Request, project: str) -> Response:  # noqa: ARG002
        given = self.body()
        dataset = _dataset(self.project, given["test_set"])
        expected = dataset.split.counts["test"]
        if len(given["predictions"]) != expected:
            raise _wrong(
                "predictions",
                f"{len(given['predictions'])} given; the test set has {expected} rows.",
            )
        answers = [
            _answer(self.project, item, f"predictions[{place}]")
            for place, item in enumerate(given["predictions"])
        ]
        evaluation = sealed.evaluate_answers(
            project=self.project,
            dataset=dataset,
            answers=answers,
            by=self.actor.user,
            commit=lambda made: self.remember(200, self.answer(made).data),
        )
        return self.answer(evaluation)


def _dataset(project: Project, number: int) -> Dataset:
    found = Dataset.objects.select_related("split").filter(
        project=project, number=number
    )
    dataset = found.first()
    if dataset is None:
        raise _wrong("test_set", f"There is no dataset {number} in this project.")
    return dataset


def _answer(project: Project, item: Any, place: str) -> Answer:
    """One prediction as a version would have said it; 400 names what is wrong."""
    if not isinstance(item, dict):
        return Answer(prediction=_predicted(project, item, place))
    if unknown := set(item) - ALLOWED:
        raise _wrong(f"{place}.{min(unknown)}", f"Known are {', '.join(ALLOWED)}.")
    shares = _shares(project, item, place)
    said = item.get("prediction")
    if said is None and shares:
        said = max(shares, key=shares.__getitem__)
    action = item.get("action")
    if action is not None and not isinstance(action, str):
        raise _wrong(f"{place}.action", "Write the name of an action.")
    return Answer(
        prediction=_predicted(project, said, f"{place}.prediction"),
        probabilities=shares,
        decision=None if action is None else {"action": action, "reason": ""},
    )


def _predicted(project: Project, value: Any, place: str) -> Any:
    if project.is_classification:
        name = None if value is None else find_class(project.classes, value)
        if name is None:
            few = ", ".join(project.classes[:10])
            raise _wrong(place, f"{value!r:.60}: write one of {few}.")
        return name
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(place, f"{value!r:.60}: write a number.")
    return float(value)


def _shares(project: Project, item: dict[str, Any], place: str) -> Any:
    """Probabilities by class, of a score too; None where neither is given."""
    if "score" in item:
        if project.task != Project.Task.BINARY or "probabilities" in item:
            raise _wrong(f"{place}.score", "A score alone belongs to binary projects.")
        score = _probability(item["score"], f"{place}.score")
        return {project.negative_class: 1 - score, project.positive_class: score}
    given = item.get("probabilities")
    if given is None:
        return None
    named = by_class(project.classes, given) if isinstance(given, dict) else None
    if named is None:
        raise _wrong(f"{place}.probabilities", "Write an object of classes.")
    shares = {
        name: _probability(named.get(name, 0.0), f"{place}.probabilities.{name}")
        for name in project.classes
    }
    if abs(sum(shares.values()) - 1) > SUM_TOLERANCE:
        raise _wrong(f"{place}.probabilities", "They must add up to 1.")
    return shares


def _probability(value: Any, place: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise _wrong(place, "Write a number from 0 to 1.")
    return float(value)


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])
