"""Component 6, Orchestrator, step 3: what would teach nothing, or too much, goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsystem.orchestrator.learning import PART
from mlsystem.orchestrator.sanitise import sanitise
from mlsystem.orchestrator.work import Outputs, StepRefused, StepWork, get_frame

if TYPE_CHECKING:
    import pandas as pd

# Below this many rows all of them train and judge, out of fold; above, a tenth judges.
OUT_OF_FOLD_BELOW = 20_000
FEWEST_TO_VALIDATE = 500


def prepare(work: StepWork) -> Outputs:
    """Sanitise on training rows; one table to learn from, and perhaps one to judge on."""
    left = work.before["featurize"]
    table, spec = get_frame(left["table"]), left["spec"]
    project = work.project
    training = table[table[PART] == "training"]
    if training[project.target].nunique() < 2:
        raise StepRefused(
            f"{project.target} is the same in every training row: nothing to learn. "
            "Add rows, or wait for more truth."
        )
    kept, found = sanitise(
        table,
        spec["fields"],
        target=table[project.target],
        parts=table[PART],
        task=project.task,
    )
    work.findings += found
    for finding in found:
        work.log(f"{finding['column']}: {finding['text']}".removeprefix(": "))
    if not kept:
        raise StepRefused(
            "No column is left to learn from: "
            + " ".join(f"{f['column']}: {f['text']}" for f in found if f["drop"])
        )
    dropped = [f["name"] for f in spec["fields"] if f["name"] not in kept]
    table = table.drop(columns=dropped)
    outputs: Outputs = {"kept": kept, "dropped": dropped}
    seen = get_frame(left["seen"]) if "seen" in left else None
    if _needs_validation(work, table):
        validates = table[PART] == "validation"
        outputs["validation"] = work.put_frame("validation", table[validates])
        if seen is not None:  # in the order in which the builder reads both
            order = validates.sort_values(kind="stable").index
            seen = seen.loc[order]
        table = table[~validates]
    if seen is not None:
        outputs["seen"] = work.put_frame("seen", seen)
    outputs["train"] = work.put_frame("train", table)
    outputs["rows"] = len(table)
    return outputs


def _needs_validation(work: StepWork, table: pd.DataFrame) -> bool:
    if work.run.validation is not None:
        return True
    validates = int((table[PART] == "validation").sum())
    return len(table) >= OUT_OF_FOLD_BELOW and validates >= FEWEST_TO_VALIDATE
