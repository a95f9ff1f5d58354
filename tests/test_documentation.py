"""What README and docs/ tell is there: commands with their options, make's targets, the
files they link to."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
)
COMMAND = re.compile(r"manage\.py ([a-z_]+)((?: [^`\n|]+)?)")
TARGET = re.compile(r"(?:^|[`\s])make ([a-z][a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)|(?:src|href|srcset)=\"([^\"]+)\"")
# Words after "make" in prose.
PROSE = {"a", "it", "of", "one", "them", "the", "sure", "up"}


@pytest.fixture(params=PAGES, ids=lambda path: path.name)
def document(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_every_command_is_one_and_takes_these_options(document: Path) -> None:
    known, wrong = get_commands(), []
    for name, rest in COMMAND.findall(document.read_text("utf-8")):
        if name not in known:
            wrong.append(name)
            continue
        parser = load_command_class(str(known[name]), name).create_parser("", name)
        options = {one for action in _actions(parser) for one in action.option_strings}
        wrong += [
            f"{name} {option}"
            for option in re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest)
            if option not in options
        ]
    assert not wrong


def test_every_target_of_make_is_there(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    targets |= {f"bench-{path.stem}" for path in (ROOT / "benchmarks").glob("*.py")}
    code = "\n".join(
        re.findall(r"```.*?```|`[^`\n]+`", document.read_text("utf-8"), re.DOTALL)
    )

    named = {name for name in TARGET.findall(code) if name not in PROSE}

    assert named <= targets


def test_whatever_make_chooses_tests_by_marks_some() -> None:
    """Else it would collect nothing, and end as a failure."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in ROOT.glob("tests/test_*.py"))

    chosen = set(re.findall(r"\$\(PYTEST\) -m (\w+)", makefile))

    assert chosen
    assert not [mark for mark in chosen if f"@pytest.mark.{mark}\n" not in code]


def test_every_linked_file_is_there(document: Path) -> None:
    links = [a or b for a, b in LINK.findall(document.read_text("utf-8"))]
    local = [link for link in links if not re.match(r"[a-z]+:", link)]

    missing = [link for link in local if not (document.parent / link).exists()]

    assert not missing


def _actions(parser: Any) -> list[Any]:
    """The options of a command and of its verbs."""
    found = list(getattr(parser, "_actions", []))
    for action in list(found):
        choices = getattr(action, "choices", None)
        if isinstance(choices, dict):
            for verb in choices.values():
                found += _actions(verb)
    return found
