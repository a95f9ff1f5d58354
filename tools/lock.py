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

ROOT = Path(__file__).resolve().parent.parent
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements.txt": (),
    "requirements-dev.txt": ("dev",),
}


def wanted(groups: tuple[str, ...]) -> list[str]:
    """The requirements that a lock file has to satisfy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = list(project["project"]["dependencies"])
    for group in groups:
        found += project["dependency-groups"][group]
    return sorted(found)


def stamp(groups: tuple[str, ...]) -> str:
    digest = hashlib.sha256(json.dumps(wanted(groups)).encode()).hexdigest()
    return f"# Compiled by `make lock` from pyproject.toml, digest {digest[:16]}"


def write(arguments: list[str]) -> None:
    for name, groups in LOCKS.items():
        path = ROOT / name
        subprocess.run(  # noqa: S603
            [
                *(str(ROOT / ".venv/bin/uv"), "pip", "compile", "pyproject.toml"),
                *(word for group in groups for word in ("--group", group)),
                *("--universal", "--python-version", "3.11", "--generate-hashes"),
                *("--no-header", "--no-emit-index-url", "--quiet"),
                *("--output-file", name, *arguments),
            ],
            cwd=ROOT,
            check=True,
        )
        text = path.read_text("utf-8")
        path.write_text(f"{stamp(groups)}\n{text}", "utf-8")


def check() -> list[str]:
    """What is wrong, as sentences."""
    problems = []
    for name, groups in LOCKS.items():
        text = (ROOT / name).read_text("utf-8")
        if not text.startswith(stamp(groups) + "\n"):
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
