"""The version, from its one place: `pyproject.toml`."""

import tomllib
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text("utf-8"))[
    "project"
]["version"]
