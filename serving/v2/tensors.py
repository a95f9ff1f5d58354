"""Open Inference Protocol V2: one tensor a feature, rows in and columns out. Pure."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from registry.errors import FieldError, InvalidInput, TooLarge

MOST_ROWS = 10_000
INTEGERS = frozenset(
    f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)
)
FLOATS = frozenset({"FP16", "FP32", "FP64"})
DATATYPES = INTEGERS | FLOATS | {"BOOL", "BYTES"}
OF_KIND = {"numeric": "FP64", "integer": "INT64", "boolean": "BOOL"}  # else BYTES

Fields = Sequence[Mapping[str, Any]]


def rows(inputs: object, *, fields: Fields) -> list[dict[str, Any]]:
    """The rows that tensors of shape [n] or [n, 1] hold, typed by the fields' kinds.

    >>> tensor = {"name": "age", "shape": [2, 1], "datatype": "FP64", "data": [3.0, 4.0]}
    >>> rows([tensor], fields=[{"name": "age", "kind": "categorical"}])
    [{'age': '3'}, {'age': '4'}]
    """
    if not isinstance(inputs, list) or not inputs:
        raise _wrong("inputs", "Give a list of tensors, one a feature.")
    kinds = {field["name"]: field["kind"] for field in fields}
    columns: dict[str, list[Any]] = {}
    for index, tensor in enumerate(inputs):
        place = f"inputs[{index}]"
        name, values = _column(tensor, place)
        if name in columns:
            raise _wrong(f"{place}.name", f"{name!r} occurs twice.")
        kind = kinds.get(name, "")
        columns[name] = [_value(value, kind) for value in values]
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise _wrong("inputs", "All tensors must have the same number of rows.")
    (n,) = lengths
    if n > MOST_ROWS:
        raise TooLarge(f"{n:,} rows: send at most {MOST_ROWS:,} at once.")
    return [{name: values[i] for name, values in columns.items()} for i in range(n)]


def _column(tensor: object, place: str) -> tuple[str, list[Any]]:
    if not isinstance(tensor, Mapping):
        raise _wrong(place, "Give an object with name, shape, datatype and data.")
    name, shape = tensor.get("name"), tensor.get("shape")
    if not isinstance(name, str) or not name:
        raise _wrong(f"{place}.name", "Write the name of a feature.")
    parameters = tensor.get("parameters")
    if isinstance(parameters, Mapping) and "binary_data_size" in parameters:
        raise _wrong(place, "Binary tensors are not read: send binary_data=False.")
    datatype = tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise _wrong(
            f"{place}.datatype", f"Write one of {', '.join(sorted(DATATYPES))}."
        )
    sides = shape if isinstance(shape, list) else []
    if not all(type(side) is int for side in sides) or not _is_column(sides):
        raise _wrong(f"{place}.shape", "Write [n, 1]: one tensor a feature, n rows.")
    values = list(_flat(tensor.get("data")))
    if len(values) != sides[0]:
        raise _wrong(
            f"{place}.data", f"It holds {len(values)} values, the shape says {shape}."
        )
    _check_values(values, datatype, place)
    return name, values


def _is_column(shape: list[int]) -> bool:
    return len(shape) in {1, 2} and shape[0] >= 1 and shape[1:] in ([], [1])


def _flat(data: object) -> Sequence[Any]:
    if not isinstance(data, list):
        return []
    return [
        item[0] if isinstance(item, list) and len(item) == 1 else item for item in data
    ]


def _check_values(values: Sequence[Any], datatype: str, place: str) -> None:
    for index, value in enumerate(values):
        if not _fits(value, datatype):
            shown = str(value)[:40]
            raise _wrong(f"{place}.data[{index}]", f"{shown!r} is no {datatype}.")


def _fits(value: object, datatype: str) -> bool:
    if value is None:  # missing: the protocol has no word for it, JSON has
        return True
    if datatype == "BYTES":
        return isinstance(value, str)
    if datatype == "BOOL":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return datatype in FLOATS or float(value).is_integer()


def _value(value: Any, kind: str) -> Any:
    """A tensor's value as a field of this kind reads it."""
    if kind == "boolean" and value in (0, 1):
        return bool(value)
    if kind in {"categorical", "text"} and isinstance(value, bool):
        return "true" if value else "false"
    if kind in {"categorical", "text"} and isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else str(value)
    return value


def tensor(name: str, datatype: str, values: Sequence[Any], *, width: int = 1) -> Any:
    """A tensor as it goes out: flat data, row by row."""
    n = len(values) // width if width else 0
    return {
        "name": name,
        "datatype": datatype,
        "shape": [n, width],
        "data": list(values),
    }


def outputs(
    answers: Sequence[Mapping[str, Any]],
    *,
    classes: Sequence[str],
    promised: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Answers as tensors: prediction, what else any of them has, and what was promised;
    null where an answer lacks it, as one that fell back does: clients read it as NaN."""
    columns = {
        name: [answer.get(name) for answer in answers]
        for name in ("prediction", "score", "probabilities", "decision", "id", "model")
        if name in promised or any(name in answer for answer in answers)
    }
    found = []
    for name, said in columns.items():
        if name == "probabilities":
            nothing = dict.fromkeys(classes)
            rows = [nothing if each is None else each for each in said]
            wide = [row.get(one, 0.0) for row in rows for one in classes]
            named = {"parameters": {"classes": json.dumps(list(classes))}}
            found.append(tensor(name, "FP64", wide, width=len(classes)) | named)
        elif name == "decision":
            actions = [each and each["action"] for each in said]
            found.append(tensor(name, "BYTES", actions))
        else:
            is_number = name == "score" or (name == "prediction" and not classes)
            found.append(tensor(name, "FP64" if is_number else "BYTES", said))
    return found


def chosen(found: list[dict[str, Any]], wanted: object) -> list[dict[str, Any]]:
    """The outputs a request asked for by name; all where it named none."""
    if wanted is None or wanted == []:
        return found
    by_name = {each["name"]: each for each in found}
    names = [
        each.get("name") if isinstance(each, Mapping) else None
        for each in (wanted if isinstance(wanted, list) else [None])
    ]
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in by_name:
            known = ", ".join(by_name)
            raise _wrong(f"outputs[{index}].name", f"Write one of {known}.")
    return [by_name[str(name)] for name in names]


def described(fields: Fields) -> list[dict[str, Any]]:
    """The input tensors of a model, for its metadata."""
    return [
        {
            "name": field["name"],
            "datatype": OF_KIND.get(field["kind"], "BYTES"),
            "shape": [-1, 1],
        }
        for field in fields
    ]


def described_outputs(
    classes: Sequence[str], *, positive: str, shares: bool, routed: bool
) -> list[dict[str, Any]]:
    """The output tensors that every answer of a model has. `shares`: it is sure to give
    probabilities, as a function is not."""
    found = [("prediction", "BYTES" if classes else "FP64", 1)]
    if positive and shares:
        found.append(("score", "FP64", 1))
    if classes and shares:
        found.append(("probabilities", "FP64", len(classes)))
    if routed:
        found += [("id", "BYTES", 1), ("model", "BYTES", 1)]
    return [
        {"name": name, "datatype": datatype, "shape": [-1, width]}
        for name, datatype, width in found
    ]


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", errors=[FieldError(name, message)])
