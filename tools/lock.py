"""Compiles the lock files from pyproject.toml, and tells whether they still fit it.

    tools/lock.py write [uv's arguments, as --upgrade-package django]
    tools/lock.py check

The first line of a lock file is the digest of the dependencies it was compiled from,
so that the check needs neither an index nor a resolver.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CORE = "requirements.txt"
LOCKS: dict[str, tuple[str, ...]] = {
    CORE: (),
    "requirements-dev.txt": ("dev",),
    "requirements-telemetry.txt": ("telemetry",),
}
ADDED = {"requirements-telemetry.txt"}  # beside what the core lock has installed


def wanted(name: str) -> list[str]:
    """The requirements that a lock file has to satisfy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = [] if name in ADDED else list(project["project"]["dependencies"])
    for group in LOCKS[name]:
        found += _members(project["dependency-groups"], group)
    return sorted(found)


def _members(groups: dict[str, list[Any]], name: str) -> list[str]:
    """A group's requirements, with those of the groups it includes."""
    found: list[str] = []
    for one in groups[name]:
        whole = isinstance(one, dict)
        found += _members(groups, one["include-group"]) if whole else [one]
    return found


def stamp(name: str) -> str:
    digest = hashlib.sha256(json.dumps(wanted(name)).encode()).hexdigest()
    return f"# Compiled by `make lock` from pyproject.toml, digest {digest[:16]}"


def write(arguments: list[str]) -> None:
    for name, groups in LOCKS.items():
        path = ROOT / name
        source = ("--constraints", CORE) if name in ADDED else ("pyproject.toml",)
        subprocess.run(  # noqa: S603
            [
                *(str(ROOT / ".venv/bin/uv"), "pip", "compile", *source),
                *(word for group in groups for word in ("--group", group)),
                *("--universal", "--python-version", "3.11", "--generate-hashes"),
                *("--no-header", "--no-emit-index-url", "--quiet"),
                *("--output-file", name, *arguments),
            ],
            cwd=ROOT,
            check=True,
        )
        text = path.read_text("utf-8")
        path.write_text(f"{stamp(name)}\n{text}", "utf-8")


def check() -> list[str]:
    """What is wrong, as sentences."""
    problems = []
    for name in LOCKS:
        text = (ROOT / name).read_text("utf-8")
        if not text.startswith(stamp(name) + "\n"):
            problems.append(f"{name} does not fit pyproject.toml: run `make lock`.")
        if re.search(
            r"^\s*(-i|--(extra-)?index-url|--find-links)\b|https?://",
            text,
            re.MULTILINE,
        ):
            problems.append(f"{name} names an index: it must work with any.")
        if re.search(r"^[\w.-]+==[^\\\n]*$", text, re.MULTILINE):
            problems.append(f"{name} has a package without hashes.")
    return problems


def main() -> None:
    match sys.argv[1:]:
        case ["write", *arguments]:
            write(arguments)
        case ["check"]:
            if problems := check():
                raise SystemExit("\n".join(problems))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
