"""What the house's pulse asks of this floor."""

from datetime import datetime

from serving.scorings import files


def clean(now: datetime) -> None:
    """Every ten minutes, as the long lane has time: the files of scorings go when their answers do."""
    files.forget(now=now)
