"""Component 7, Model Builder: the features of a trial, where it changes the length of
windows. A table is computed once for the same definition, parameters and facts."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from mlsystem.builder.plan import TrialSpec
from registry import storage
from registry.featurizer import tuning
from registry.models import Project, Step

if TYPE_CHECKING:
    import pandas as pd

    from registry.featurizer.batch import Seen

KEPT = 100  # tables on this machine, the newest


class Lengths:
    """Answers with a file of the columns that a trial's lengths change; "" for the
    lengths that the build's own table has."""

    def __init__(self, step: Step) -> None:
        self.project: Project = step.run.project
        self.given: Mapping[str, Any] = step.inputs.get("windows", {})

    def __call__(self, spec: TrialSpec) -> str:
        if not self.given:
            return ""
        features = tuning.at_lengths(self.project, self.given["spec"], spec.params)
        if features["windows"] == self.given["spec"]["windows"]:
            return ""
        path = _folder() / f"{self._key(features)}.parquet"
        if path.is_file():
            os.utime(path)  # in use: kept longest
        else:
            _write(path, tuning.retuned(self.project, features, self._seen()))
        return str(path)

    @cached_property
    def _table(self) -> pd.DataFrame:
        import pandas as pd

        file = self.given["seen"]
        return pd.read_parquet(
            storage.local_copy(uri=file["uri"], sha256=file["sha256"])
        ).reset_index(drop=True)

    def _seen(self) -> Seen:
        from registry.featurizer.batch import Seen

        return Seen(self._table.copy(), dict(self.given["kinds"]))

    def _key(self, features: Mapping[str, Any]) -> str:
        until = tuning.newest(self._table["at"])
        known = [
            self.given["seen"]["sha256"],
            features["windows"],
            features["row"],
            self.project.definition_hash,
            tuning.facts_of(self.project, features, until),
        ]
        text = json.dumps(known, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "cache" / "features"


def _write(path: Path, table: pd.DataFrame) -> None:
    """Complete or not at all; the oldest tables make room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        table.to_parquet(draft, index=False)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    found = sorted(path.parent.glob("*.parquet"), key=_age, reverse=True)
    for old in found[KEPT:]:
        old.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # somebody else made room
        return 0.0
