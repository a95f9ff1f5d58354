"""Component 6, Orchestrator: what a step sees of its run, and what it may leave."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from mlsystem.version import VERSION
from registry import jobs, storage
from registry.errors import DomainError
from registry.models import Dataset, Project, Run, Step

if TYPE_CHECKING:
    import pandas as pd

Outputs = dict[str, Any]
Artefact = dict[str, Any]  # a storage.Stored as JSON: uri, sha256, size
CODE = 1  # of the steps: raised when one of them would answer differently


class StepRefused(DomainError):
    """The step cannot be done with this data, however often it is tried."""

    status = 409
    title = "The run cannot go on"
    permanent = True


class StepWork:
    """One try of one step: its run, what earlier steps left, its findings and log."""

    def __init__(self, *, step: Step, context: jobs.JobContext) -> None:
        self.step = step
        self.run: Run = step.run
        self.project: Project = step.run.project
        self.context = context
        self.findings: list[dict[str, Any]] = []

    @cached_property
    def before(self) -> dict[str, Outputs]:
        """Outputs of the steps that succeeded, by name."""
        return {
            step.name: step.outputs
            for step in self.run.steps.filter(state=Step.State.SUCCEEDED)
        }

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset version this run learns from and is judged on."""
        number = self.before.get("extract", {}).get("dataset")
        if number is None:
            assert self.run.train is not None
            return self.run.train
        return Dataset.objects.select_related("split").get(
            project=self.project, number=number
        )

    def log(self, line: str) -> None:
        self.context.log(line)

    def put_frame(self, name: str, frame: pd.DataFrame) -> Artefact:
        """Store a table of this run; a second try writes beside the first."""
        buffer = BytesIO()
        frame.to_parquet(buffer, index=False)
        run = self.run
        place = f"runs/{self.project.slug}/{run.number}/{self.step.name}"
        path = f"{place}/{name}-{self.context.token}-{self.context.job.pk.hex[:8]}"
        stored = storage.put_bytes(path=f"{path}.parquet", data=buffer.getvalue())
        return asdict(stored)


def get_frame(artefact: Artefact) -> pd.DataFrame:
    """A stored table, verified."""
    import pandas as pd

    return pd.read_parquet(
        storage.local_copy(uri=artefact["uri"], sha256=artefact["sha256"])
    )


def cache_key(step: str, **parts: Any) -> str:
    """One hash of code, parameters and data: equal keys mean equal outputs."""
    text = json.dumps(
        {"step": step, "code": CODE, "version": VERSION, **parts},
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def cached_outputs(project: Project, key: str) -> Outputs | None:
    """What an earlier run of this project left under the same key, if it still reads."""
    found = Step.objects.filter(
        cache_key=key, state=Step.State.SUCCEEDED, run__project=project
    )
    for step in found.order_by("-pk")[:3]:
        try:
            for artefact in _artefacts(step.outputs):
                storage.local_copy(uri=artefact["uri"], sha256=artefact["sha256"])
        except storage.ArtifactError:
            continue
        return step.outputs
    return None


def _artefacts(outputs: Outputs) -> list[Artefact]:
    return [
        value
        for value in outputs.values()
        if isinstance(value, dict) and {"uri", "sha256"} <= value.keys()
    ]
