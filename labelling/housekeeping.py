"""What the house's pulse asks of this floor."""

from datetime import datetime

from labelling.collector import silence, waiting
from labelling.labeller import leases
from registry.jobs import enqueue


def tick(now: datetime) -> None:
    """Every ten seconds: cards nobody answered go back, truths that came early look
    for their predictions. Both are bounded and look at indexes alone."""
    leases.reclaim(now=now)
    waiting.match_waiting(now=now)


def sweep(now: datetime) -> None:
    """Every minute: forget what is over, and let silence speak where it is due."""
    leases.forget_ended(now=now)
    waiting.expire(now=now)
    if silence.is_due(now=now):
        enqueue(task="labelling.mature", key="labelling.mature")
