"""Model files: written whole or not at all, read only when hash and types are ours.

skops alone is no sandbox: what it trusts by default grows with scikit-learn. So every
type and loader a file names is compared with a fixed list before skops sees the file.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import ArtifactError

_OURS = {
    "registry.estimators.baselines": (
        "GroupMean",
        "Majority",
        "MeanBaseline",
        "RecentMean",
        "Rule",
    ),
    "registry.estimators.boosting": ("Boosting",),
    "registry.estimators.design": ("Design",),
    "registry.estimators.kernel": ("Kernel",),
    "registry.estimators.linear": ("Linear",),
    "builtins": ("bool", "dict", "float", "int", "list", "set", "str", "tuple"),
    "numpy": ("bool", "dtype", "float32", "float64", "int32", "int64", "ndarray"),
    "scipy.sparse": ("csr_matrix", "csr_array"),
    "scipy.sparse._csr": ("csr_matrix", "csr_array"),
    "sklearn.feature_extraction.text": ("TfidfTransformer", "TfidfVectorizer"),
    "sklearn.impute._base": ("MissingIndicator", "SimpleImputer"),
    "sklearn.preprocessing._data": ("StandardScaler",),
    "sklearn.preprocessing._encoders": ("OneHotEncoder",),
}
ALLOWED_TYPES = frozenset(f"{module}.{t}" for module in _OURS for t in _OURS[module])
# How skops may build an object; never by calling a function, method or partial.
ALLOWED_LOADERS = frozenset({
    "DictNode", "DTypeNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode",
    "SetNode", "SparseMatrixNode", "TupleNode", "TypeNode",
})  # fmt: skip
OLDEST_PROTOCOL = 2  # skops' loaders for older files had holes
LARGEST_FILE = 1 << 30  # bytes, unpacked
GOLDEN_ROWS = 100
LARGEST_GOLDEN = 2_000_000  # characters of JSON, all rows together
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Saved:
    """What the registry notes of a stored model file."""

    sha256: str
    size_bytes: int


def dumps(model: Any, *, extra_types: Collection[str] = ()) -> bytes:
    """A model as skops bytes. Raises ArtifactError for a type that could not be read."""
    import skops.io

    buffer = io.BytesIO()
    skops.io.dump(model, buffer, compression=zipfile.ZIP_DEFLATED)
    data = buffer.getvalue()
    _check_types(data, allowed=ALLOWED_TYPES | set(extra_types))
    return data


def loads(data: bytes, *, sha256: str, extra_types: Collection[str] = ()) -> Any:
    """The model in these bytes, if they are the registered ones and of our types."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ArtifactError(
            f"The model file was changed: its SHA-256 is {found[:12]}…, "
            f"registered was {sha256[:12] or 'none'}…."
        )
    allowed = ALLOWED_TYPES | set(extra_types)
    _check_types(data, allowed=allowed)
    return _construct(data, allowed)


def save(model: Any, path: Path, *, extra_types: Collection[str] = ()) -> Saved:
    """Write a model file: temporary name, fsync, rename; a crash leaves no half file."""
    data = dumps(model, extra_types=extra_types)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Saved(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def load(path: Path, *, sha256: str, extra_types: Collection[str] = ()) -> Any:
    """The model stored at `path`. A missing file is permanent, a failing disk is not."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"The model file {Path(path).name} is missing.") from error
    except OSError as error:
        raise ArtifactError(
            f"The model file {Path(path).name} cannot be read now: {error.strerror}.",
            permanent=False,
        ) from error
    return loads(data, sha256=sha256, extra_types=extra_types)


def _check_types(data: bytes, *, allowed: Collection[str]) -> None:
    """Refuse a file that is no skops file, too large, or names a type not allowed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > LARGEST_FILE:
                raise ArtifactError(f"The model file unpacks to {size:,} bytes.")
            schema = json.loads(archive.read("schema.json"))
        protocol = schema["protocol"]
        nodes = list(_nodes(schema))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise ArtifactError("The model file is damaged: no skops file.") from error
    except RecursionError as error:
        raise ArtifactError("The model file is nested too deeply.") from error
    if not isinstance(protocol, int) or protocol < OLDEST_PROTOCOL:
        raise ArtifactError(
            f"The model file has skops protocol {protocol!r}, older than "
            f"{OLDEST_PROTOCOL}: save the model again with a current skops."
        )
    for loader, name in nodes:
        if loader not in ALLOWED_LOADERS:
            raise ArtifactError(f"The model file holds a {loader} of {name}: refused.")
        if name not in allowed:
            raise ArtifactError(f"The model file holds the type {name}: not allowed.")


def _nodes(part: Any) -> Iterator[tuple[str, str]]:
    """(loader, type) of every object a schema describes, wherever it hides."""
    if isinstance(part, Mapping):
        if "__loader__" in part:
            yield (
                str(part["__loader__"]),
                f"{part.get('__module__')}.{part.get('__class__')}",
            )
        for value in part.values():
            yield from _nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _nodes(value)


def _construct(data: bytes, allowed: Collection[str]) -> Any:
    import skops.io

    try:
        return skops.io.load(io.BytesIO(data), trusted=sorted(allowed))
    except (
        zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, AttributeError,
        ImportError, OSError,
    ) as error:  # fmt: skip
        raise ArtifactError(
            f"The model file cannot be read by this version: {error}."
        ) from error


def golden_rows(
    model: Any, rows: Sequence[Mapping[str, Any]], *, limit: int = GOLDEN_ROWS
) -> list[dict[str, Any]]:
    """Inputs with today's answers, as JSON: what every later load must answer too."""
    inputs = _within(LARGEST_GOLDEN, [_plain(model, row) for row in rows[:limit]])
    if not inputs:
        return []
    return [
        {"input": row, "raw": raw, "prediction": said}
        for row, (raw, said) in zip(inputs, _answers(model, inputs), strict=True)
    ]


def _within(size: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many rows as fit into this many characters of JSON, at least one: an image or
    a long text is large."""
    total, kept = 0, list[dict[str, Any]]()
    for row in rows:
        total += len(json.dumps(row))
        if kept and total > size:
            break
        kept.append(row)
    return kept


def check_golden(model: Any, golden: Sequence[Mapping[str, Any]]) -> None:
    """Raise ArtifactError unless the model answers as it did: 1e-6, no label flipped."""
    import numpy as np

    if not golden:
        return
    answers = _answers(model, [row["input"] for row in golden])
    for index, (row, (raw, said)) in enumerate(zip(golden, answers, strict=True)):
        then, now = np.asarray(row["raw"]), np.asarray(raw)
        same = then.shape == now.shape and np.allclose(
            then, now, rtol=TOLERANCE, atol=TOLERANCE
        )
        flipped = model.task != "regression" and said != row["prediction"]
        if flipped or not same:
            raise ArtifactError(
                f"Golden row {index} is answered differently: {said!r} ({raw}), "
                f"at registration {row['prediction']!r} ({row['raw']})."
            )


def latency_us(
    model: Any, rows: Sequence[Mapping[str, Any]], *, repeats: int = 100
) -> float:
    """The median time of predicting one row, in µs, over rows taken in turn."""
    from statistics import median
    from time import perf_counter

    answer = model.predict if model.task == "regression" else model.predict_proba
    answer([rows[0]])  # the first call loads what is lazy
    taken = []
    for index in range(repeats):
        row = [rows[index % len(rows)]]
        start = perf_counter()
        answer(row)
        taken.append(perf_counter() - start)
    return median(taken) * 1e6


def _answers(model: Any, inputs: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    rows = list(inputs)
    return list(
        zip(model.predict_raw(rows).tolist(), model.predict(rows).tolist(), strict=True)
    )


def _plain(model: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's fields as JSON values; numpy's and pandas' missing become None."""
    import numpy as np

    plain = {}
    for name in (field["name"] for field in model.fields):
        value = row.get(name)
        if isinstance(value, np.generic):
            value = value.item()
        if value is not None and hasattr(value, "isoformat"):
            value = value.isoformat() if value == value else None  # NaT is not itself
        if not isinstance(value, str | int | float | bool | None):
            value = str(value)
        plain[name] = None if value != value else value
    return plain
