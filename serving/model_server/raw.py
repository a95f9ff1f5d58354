"""Component 8, Model Server: one version by its number, without routing and without log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from registry import featurizer, storage
from registry.answering import Answer, LoadedVersion, ModelFailure
from registry.errors import Conflict, FieldError, InvalidInput, NotFound, Unavailable
from registry.models import ModelVersion, Project
from registry.schema import check_row
from registry.versions import load_version

LARGEST = 10_000  # rows at once
Warnings = list[dict[str, str]]


def version_of(project: Project, number: int) -> ModelVersion:
    version = (
        ModelVersion.objects.select_related("project")
        .filter(project=project, number=number)
        .first()
    )
    if version is None:
        raise NotFound(f"There is no version {number} of {project}.")
    return version


def predict(
    *, version: ModelVersion, inputs: Sequence[object], now: datetime
) -> list[dict[str, Any]]:
    """The version's own answers, as they are told, each with the warnings of its row.
    InvalidInput names every wrong row and field."""
    loaded = loaded_of(version)
    seen, warnings = _checked(loaded, inputs, strict=version.project.strict_inputs)
    rows: Sequence[Mapping[str, Any]] = seen
    spec = loaded.features
    if spec.get("row") or spec.get("lookups") or spec.get("windows"):
        rows = featurizer.compute(
            project=version.project, features=spec, inputs=seen, at=now
        )
    try:
        answers = loaded.answer(rows, inputs=seen) if rows else []
    except ModelFailure as failure:
        raise Unavailable(f"{version} {failure}.") from failure
    return [_told(*each) for each in zip(answers, warnings, strict=True)]


def _told(answer: Answer, warnings: Warnings) -> dict[str, Any]:
    more = {"decision": answer.decision, "warnings": warnings}
    return answer.said() | {name: value for name, value in more.items() if value}


def loaded_of(version: ModelVersion) -> LoadedVersion:
    if version.state == ModelVersion.State.ARCHIVED:
        raise Conflict(f"{version} is archived: it answers no more.")
    return load_version(version)


def _checked(
    loaded: LoadedVersion, inputs: Sequence[object], *, strict: bool
) -> tuple[list[dict[str, Any]], list[Warnings]]:
    clean, warnings, errors = [], [], []
    for index, given in enumerate(inputs):
        row, warned, wrong = check_row(loaded.fields, given, strict)
        clean.append(row)
        warnings.append(warned)
        errors += [
            FieldError(
                f"inputs[{index}]{each.field.removeprefix('input')}", each.message
            )
            for each in wrong
        ]
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.field}: {first.message}", errors=errors[:100])
    return clean, warnings


def artifact(version: ModelVersion, *, form: str) -> tuple[bytes, str]:
    """The version's file and its SHA-256, for prediction elsewhere."""
    if form == "onnx":
        raise NotFound(f"{version} has no ONNX file. Ask for format=skops.")
    if not version.uri:
        raise NotFound(f"{version} is a function of the project's code: no file.")
    path = storage.local_copy(uri=version.uri, sha256=version.sha256)
    return path.read_bytes(), version.sha256
