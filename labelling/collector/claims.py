"""Component 1, Ground-truth Collector: what somebody says, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from labelling.collector.values import Value, check_value
from labelling.models import GroundTruth
from registry import moments
from registry.errors import InvalidInput
from registry.identifiers import sent_key
from registry.models import Project
from registry.schema import check_value as check_field

SKEW = timedelta(minutes=1)  # clients' clocks differ; more than that is the future
FIELDS = ("prediction", "reference", "entity", "at", "value", "observed_at", "source")
# Experts speak through the labeller alone.
SOURCES = ("outcome", "feedback", "import")
LONGEST_REFERENCE = 200


class Refused(ValueError):
    """An item that cannot be used: which field, and the cure."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing said about one key."""

    kind: str
    key: str
    value: Value | None  # None: taken back
    source: str
    observed_at: datetime
    at: datetime | None = None
    dated: bool = False  # the client said when; else it is now
    received_at: datetime | None = None  # None: it comes now
    author_id: int | None = None
    confidence: float | None = None

    @property
    def voice(self) -> tuple[str, str, datetime | None, str]:
        """Versions count up by this."""
        return self.kind, self.key, self.at, self.source


def read_claim(
    *, project: Project, item: Any, source: str | None, now: datetime
) -> Claim:
    """A claim out of one item of the REST contract, or Refused."""
    if not isinstance(item, Mapping):
        raise Refused("", "Write an object with a key and a value.")
    for name in item:
        if name not in FIELDS:
            raise Refused(str(name), f"Unknown field; allowed: {', '.join(FIELDS)}.")
    kind, key = _key(project, item)
    at = moment(item.get("at"), "at")
    if at and kind != "entity":
        raise Refused("at", "at belongs to an entity; leave it out.")
    observed_at = moment(item.get("observed_at"), "observed_at")
    if observed_at and observed_at > now + SKEW:
        raise Refused("observed_at", f"{observed_at.isoformat()} is in the future.")
    try:
        value = check_value(project=project, value=item.get("value"))
    except ValueError as error:
        raise Refused("value", str(error)) from error
    return Claim(
        kind=kind,
        key=key,
        at=at,
        value=value,
        source=_source(item.get("source"), source),
        observed_at=observed_at or now,
        dated=observed_at is not None,
    )


def moment(value: Any, field: str) -> datetime | None:
    """A moment with an offset, or None where none was given."""
    try:
        found: datetime | None = check_field({"name": field, "kind": "datetime"}, value)
        return found and moments.within(found)
    except ValueError as error:
        raise Refused(field, str(error)) from error


def _source(given: Any, default: str | None) -> str:
    if given is None:
        return default or GroundTruth.Source.OUTCOME
    if given == GroundTruth.Source.EXPERT:
        raise Refused("source", "Expert truth comes from labelling, not from here.")
    if given not in SOURCES:
        raise Refused("source", f"Write one of {', '.join(SOURCES)}.")
    return str(given)


def _key(project: Project, item: Mapping[str, Any]) -> tuple[str, str]:
    """By prediction, else reference, else entity: the first that is given. The others
    are read too: what is wrong with them is no better for not being used."""
    given = {}
    if item.get("prediction") is not None:
        given["prediction"] = prediction_key(item["prediction"])
    if item.get("reference") is not None:
        given["reference"] = _reference(item["reference"])
    if item.get("entity") is not None:
        given["entity"] = _entity(project, item["entity"])
    for kind, key in given.items():
        return kind, key
    raise Refused("prediction", "Name a prediction, a reference or an entity.")


def _reference(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused("reference", "Write the text you sent with the prediction.")
    if len(value) > LONGEST_REFERENCE:
        raise Refused("reference", f"Longer than {LONGEST_REFERENCE} characters.")
    return value


def prediction_key(value: Any) -> str:
    try:
        return str(UUID(value)) if isinstance(value, str) else _no_id()
    except ValueError:
        return _no_id()


def _no_id() -> str:
    raise Refused("prediction", "Write the id that the prediction's answer gave.")


def _entity(project: Project, value: Any) -> str:
    try:
        return sent_key(project.entity, value)
    except InvalidInput as error:
        raise Refused("entity", error.errors[0].message) from error
