"""Component 4, Monitor: the frozen profile of a version, made once of the rows it was
validated on."""

from collections.abc import Mapping
from typing import Any

from monitoring.models import ReferenceProfile
from monitoring.monitor.reference import build_reference
from registry.models import ModelVersion, Project

EMPTY: Mapping[str, Any] = {"version": 1, "n": 0, "features": {}, "prediction": None}
MOST_ROWS = 20_000  # of the validation part; the edges are no finer for more
PARTS = ("validation",)


def reference_of(version: ModelVersion) -> Mapping[str, Any]:
    """The version's profile; made now if nobody has yet."""
    found = ReferenceProfile.objects.filter(version=version).first()
    return found.profile if found else make_reference(version)


def make_reference(version: ModelVersion) -> Mapping[str, Any]:
    """Profile the validation rows of the version's dataset, as the model sees them.

    A version without a dataset (made elsewhere) has an empty one: nothing is compared
    with data that nobody showed us. Two makers agree on the first one written.
    """
    profile = _profile(version) if version.dataset_id else EMPTY
    row, _ = ReferenceProfile.objects.get_or_create(
        version=version, defaults={"n": profile["n"], "profile": profile}
    )
    return row.profile


def _profile(version: ModelVersion) -> Mapping[str, Any]:
    from monitoring.evaluator.scoring import answers_of
    from registry import datasets, featurizer

    dataset = version.dataset
    assert dataset is not None
    frame = datasets.training_frame(dataset, parts=PARTS)
    if len(frame) < 2:  # too few rows to hold any out
        frame = datasets.training_frame(dataset)
    frame = frame.head(MOST_ROWS)
    features = featurizer.compute_frame(
        project=version.project, features=version.features, frame=frame
    )
    kinds = {field["name"]: field["kind"] for field in fields_seen(version)}
    answers = answers_of(version=version, inputs=frame)
    task = version.project.task
    if task == Project.Task.MULTICLASS:
        said, kind = [a.prediction for a in answers], "categorical"
    elif task == Project.Task.BINARY and answers and answers[0].score is not None:
        said, kind = [a.score for a in answers], "numeric"
    elif task == Project.Task.BINARY:
        said, kind = [a.prediction for a in answers], "categorical"
    else:
        said, kind = [a.prediction for a in answers], "numeric"
    columns = {name: features[name].tolist() for name in kinds if name in features}
    return build_reference(columns, kinds, prediction=said, prediction_kind=kind)


def fields_seen(version: ModelVersion) -> list[dict[str, Any]]:
    """What the model reads: the Featurizer's fields, else the input's."""
    return list(version.features.get("fields") or version.fields)
