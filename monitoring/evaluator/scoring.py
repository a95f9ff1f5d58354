"""Component 3, Evaluator: a model version's answers to rows whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from monitoring.evaluator.scored import Scored, classes_of
from registry.answering import Answer, ModelFailure
from registry.errors import Conflict
from registry.models import ModelVersion, Project

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 5000  # rows turned into dicts at once
RANKED = 60  # features of a global explanation; a thousand words are no picture
EXPLAINED = 500  # rows that a global explanation is the mean of


class CannotBeJudged(Conflict):
    """A version fails on the rows it should be judged on."""

    title = "Model cannot be evaluated"
    permanent = True


def answers_of(*, version: ModelVersion, inputs: pd.DataFrame) -> list[Answer]:
    """The version's answers, in the order of the rows, by the Featurizer's batch path."""
    from registry import featurizer, frames
    from registry.versions import load_version

    loaded = load_version(version)
    features = featurizer.compute_frame(
        project=version.project, features=version.features, frame=inputs
    )
    asked = _fields_in(version.project.fields, inputs)
    answers: list[Answer] = []
    for start in range(0, len(inputs), CHUNK):
        piece = slice(start, start + CHUNK)
        rows = features.iloc[piece].to_dict("records")
        sent = frames.rows_of(asked, inputs.iloc[piece])
        try:
            answers += loaded.answer(rows, inputs=sent)
        except ModelFailure as failure:
            raise CannotBeJudged(f"{version} {failure}.") from failure
    return answers


def importance_of(
    *, version: ModelVersion, inputs: pd.DataFrame, most: int = EXPLAINED
) -> dict[str, Any] | None:
    """How much each feature moves the answers: the mean size of what it adds, over at
    most `most` rows evenly taken. None where the version cannot be taken apart."""
    from registry import featurizer
    from registry.versions import load_version

    taken = inputs.iloc[:: max(len(inputs) // most, 1)].head(most)
    features = featurizer.compute_frame(
        project=version.project, features=version.features, frame=taken
    )
    try:
        told = load_version(version).explain(features.to_dict("records"))
    except ModelFailure:
        return None
    if not told or any(one.get("approximate") for one in told):
        return None
    sizes: dict[str, float] = {}
    for one in told:
        for part in one["contributions"]:
            name = part["feature"]
            sizes[name] = sizes.get(name, 0.0) + abs(part["contribution"])
    ranked = sorted(sizes.items(), key=lambda pair: -pair[1])[:RANKED]
    return {
        "unit": told[0].get("unit", ""),
        "n": len(told),
        "features": [
            {"feature": name, "mean": size / len(told)} for name, size in ranked
        ],
    }


def scored_by(
    *, version: ModelVersion, inputs: pd.DataFrame, truth: Sequence[Any]
) -> Scored:
    """What a version said about rows with their truth."""
    answers = answers_of(version=version, inputs=inputs)
    return scored_answers(
        project=version.project,
        classes=version.classes or version.project.classes,
        answers=answers,
        inputs=inputs,
        truth=truth,
        decision=version.decision,
    )


def scored_answers(
    *,
    project: Project,
    classes: Sequence[str],
    answers: Sequence[Answer],
    inputs: pd.DataFrame,
    truth: Sequence[Any],
    decision: Mapping[str, Any],
) -> Scored:
    """Answers from anywhere, beside their truth and the columns that slices read."""
    import numpy as np

    names = [str(name) for name in classes]
    given = [answer.probabilities for answer in answers]
    probabilities = None
    if names and given and all(share is not None for share in given):
        probabilities = np.array(
            [[float((share or {}).get(name, 0.0)) for name in names] for share in given]
        )
    decided = None
    if any(answer.decision for answer in answers):
        decided = np.array(
            [(a.decision or {}).get("action", a.prediction) for a in answers],
            dtype=object,
        )
    return Scored(
        task=project.task,
        classes=names,
        positive=project.positive_class or None,
        truth=np.asarray(truth),
        predicted=np.array([answer.prediction for answer in answers], dtype=object),
        probabilities=probabilities,
        decided=decided,
        meant=classes_of(decision, classes=names, positive=project.positive_class),
        rows={
            field["name"]: _column(inputs[field["name"]], field["kind"])
            for field in _fields_in(project.fields, inputs)
        },
        unit_ids=_units(project, inputs),
        unit=", ".join(_unit_columns(project)),
    )


def _column(series: pd.Series, kind: str) -> Any:
    if kind in {"numeric", "integer", "boolean"}:
        return series.to_numpy(dtype=float)
    return series.astype(object).to_numpy()


def _fields_in(
    fields: Sequence[dict[str, Any]], inputs: pd.DataFrame
) -> list[dict[str, Any]]:
    return [field for field in fields if field["name"] in inputs]


def _units(project: Project, inputs: pd.DataFrame) -> Any:
    """Rows of one subject are drawn together; None where every row is its own."""
    known = [name for name in _unit_columns(project) if name in inputs]
    if not known:
        return None
    units = inputs.groupby(known, dropna=False, sort=False).ngroup().to_numpy()
    return None if len(set(units.tolist())) == len(units) else units


def _unit_columns(project: Project) -> list[str]:
    return [project.group_column] if project.group_column else list(project.entity)
