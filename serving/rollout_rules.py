"""What a rollout may be asked for: targets, steps, and schemas that fit. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from registry.errors import FieldError, InvalidInput
from registry.plans import clean_percent

MAX_TARGETS = 50
MAX_TARGET_VALUES = 1000
# A client that sends the first kind is also understood by the second.
WIDER = {("integer", "numeric"), ("categorical", "text"), ("text", "categorical")}


def clean_targets(targets: object) -> list[dict[str, Any]]:
    """Targets as they are stored; the first that matches wins."""
    if not isinstance(targets, list) or len(targets) > MAX_TARGETS:
        raise _wrong("targets", f"Give a list of at most {MAX_TARGETS} targets.")
    return [_target(target, f"targets[{i}]") for i, target in enumerate(targets)]


def _target(target: object, place: str) -> dict[str, Any]:
    if not isinstance(target, Mapping):
        raise _wrong(place, 'Give an object such as {"to": "live", "users": ["ann"]}.')
    unknown = set(target) - {"to", "users", "attribute", "in", "percent"}
    if unknown:
        raise _wrong(f"{place}.{min(unknown)}", "Not part of a target.")
    if target.get("to") not in ("candidate", "live"):
        raise _wrong(f"{place}.to", "Write candidate or live.")
    clean: dict[str, Any] = {"to": target["to"]}
    if ("users" in target) == ("attribute" in target):
        raise _wrong(place, "Give either users, or attribute and in.")
    if "users" in target:
        if "in" in target:
            raise _wrong(f"{place}.in", "Goes with attribute, not with users.")
        clean["users"] = _values(target["users"], f"{place}.users", kinds=(str,))
    else:
        name = target["attribute"]
        if not isinstance(name, str) or not 0 < len(name) <= 100:
            raise _wrong(f"{place}.attribute", "Give the name of an attribute.")
        clean["attribute"] = name
        kinds = (str, int, float, bool)
        clean["in"] = _values(target.get("in"), f"{place}.in", kinds=kinds)
    if target.get("percent") is not None:
        if target["to"] == "live":
            raise _wrong(f"{place}.percent", "A share is of the candidate only.")
        share = clean_percent(target["percent"], name=f"{place}.percent")
        clean["percent"] = float(share)
    return clean


def _values(values: object, place: str, *, kinds: tuple[type, ...]) -> list[Any]:
    given = values if isinstance(values, list) else []
    fits = 0 < len(given) <= MAX_TARGET_VALUES
    if not fits or not all(isinstance(value, kinds) for value in given):
        words = "strings" if kinds == (str,) else "strings, numbers or booleans"
        raise _wrong(place, f"Give a list of 1 to {MAX_TARGET_VALUES} {words}.")
    return list(given)


def step_of(plan: Sequence[Mapping[str, Any]], percent: Decimal) -> int:
    """The step a share set by hand stands on: the last that asks for no more.

    >>> step_of([{"percent": 1}, {"percent": 5}, {"percent": 25}], Decimal(10))
    1
    """
    reached = [i for i, step in enumerate(plan) if step["percent"] <= percent]
    return reached[-1] if reached else 0


def unmet_fields(
    *, live: Sequence[Mapping[str, Any]], candidate: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Why requests that live accepts would be refused by the candidate, by field.

    >>> unmet_fields(live=[{"name": "age", "kind": "text"}],
    ...              candidate=[{"name": "age", "kind": "numeric"}])
    ['age: clients send text, the candidate reads numeric.']
    """
    known = {field["name"]: field for field in live}
    found = []
    for field in candidate:
        name, sent = field["name"], known.get(field["name"])
        if sent is None:
            if field.get("required"):
                found.append(f"{name}: clients do not send it, the candidate needs it.")
            continue
        kinds = sent["kind"], field["kind"]
        if kinds[0] != kinds[1] and kinds not in WIDER:
            found.append(
                f"{name}: clients send {kinds[0]}, the candidate reads {kinds[1]}."
            )
        elif field.get("required") and not sent.get("required"):
            found.append(f"{name}: clients may leave it out, the candidate needs it.")
        elif limit := _narrower(sent, field):
            found.append(
                f"{name}: the candidate refuses what is {limit}, live does not."
            )
    return found


def _narrower(sent: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    """The values that the second field refuses and the first takes, "" if none."""
    low, high = field.get("minimum"), field.get("maximum")
    lowest, highest = sent.get("minimum"), sent.get("maximum")
    if low is not None and (lowest is None or lowest < low):
        return f"below {low}"
    if high is not None and (highest is None or highest > high):
        return f"above {high}"
    return ""


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput(
        f"{name}: {message}", errors=[FieldError(field=name, message=message)]
    )
