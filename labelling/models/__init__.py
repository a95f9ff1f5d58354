"""Truth and labels, the tables of the floor `labelling`."""

from labelling.models.examples import (
    FROM_PRODUCTION,
    OF_PREDICTION,
    Annotation,
    AnnotatorStat,
    Example,
    ExamplePayload,
    ExampleVector,
    Lease,
    Queue,
    QueueEntry,
)
from labelling.models.guidance import Flag, Guideline
from labelling.models.truth import (
    Feedback,
    GroundTruth,
    Match,
    Maturity,
    Outcome,
    TruthInbox,
    said_again,
)

__all__ = [
    "FROM_PRODUCTION",
    "OF_PREDICTION",
    "Annotation",
    "AnnotatorStat",
    "Example",
    "ExamplePayload",
    "ExampleVector",
    "Feedback",
    "Flag",
    "GroundTruth",
    "Guideline",
    "Lease",
    "Match",
    "Maturity",
    "Outcome",
    "Queue",
    "QueueEntry",
    "TruthInbox",
    "said_again",
]
