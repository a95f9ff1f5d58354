"""Fetches what browsers load from others, and tells whether it is still what we fetched.

    tools/vendor.py write    needs npm; takes the version that the installed plotly fits
    tools/vendor.py check

`static/vendor/manifest.json` says package, version, licence and SHA-256 of every file.
Plotly writes its style rules into the page, which our policy forbids; they are put into
a style sheet of their own beside it.
"""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "static" / "vendor"
MANIFEST = FOLDER / "manifest.json"
PACKAGE = "plotly.js-cartesian-dist-min"
SCRIPT, STYLES, LICENCE = "plotly.js", "plotly.css", "plotly.LICENSE"
RULES = re.compile(r'\{"X,X div":.*?\}(?=[,;])', re.DOTALL)
BARE_KEY = re.compile(r"(?<=[{,])([A-Z]):(?=[\"'])")
SELECTORS = {"X": ".js-plotly-plot .plotly", "Y": ".plotly-notifier"}


def style_sheet(script: str) -> str:
    """The rules that the script would insert, in the order in which they would count.

    >>> print(style_sheet('var a={"X,X div":"margin:0;",Y:"top:1px;"},b;'))
    .plotly-notifier { top:1px; }
    .js-plotly-plot .plotly,.js-plotly-plot .plotly div { margin:0; }
    """
    found = RULES.search(script)
    if found is None:
        raise SystemExit("The script's style rules are not where they used to be.")
    rules = ast.literal_eval(BARE_KEY.sub(r'"\1":', found.group()))
    lines = []
    for selector, body in rules.items():
        for short, long in SELECTORS.items():
            selector = selector.replace(short, long)
        lines.append(f"{selector} {{ {body} }}")
    return "\n".join(reversed(lines))  # each is inserted in front of the ones before


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write() -> None:
    from plotly.offline import get_plotlyjs_version

    version = get_plotlyjs_version()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(  # noqa: S603
            ["npm", "pack", "--silent", f"{PACKAGE}@{version}"],  # noqa: S607
            cwd=scratch,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        package = Path(scratch) / "package"
        script = (package / "plotly-cartesian.min.js").read_bytes()
        licence = (package / "LICENSE").read_bytes()
        terms = json.loads((package / "package.json").read_text("utf-8"))["license"]
    head = f"/* Style rules of plotly.js {version}, written by tools/vendor.py. */\n"
    sheet = f"{head}{style_sheet(script.decode())}\n"
    (FOLDER / SCRIPT).write_bytes(script)
    (FOLDER / STYLES).write_bytes(sheet.encode())
    (FOLDER / LICENCE).write_bytes(licence)
    files = {name: digest(FOLDER / name) for name in (SCRIPT, STYLES, LICENCE)}
    entry = {"package": PACKAGE, "version": version, "licence": terms, "sha256": files}
    MANIFEST.write_text(json.dumps([entry], indent=2) + "\n", "utf-8")


def mistakes() -> list[str]:
    """What lies in the folder beside what the manifest says."""
    told = {
        name: found
        for entry in json.loads(MANIFEST.read_text("utf-8"))
        for name, found in entry["sha256"].items()
    }
    there = {path.name for path in FOLDER.iterdir()} - {MANIFEST.name}
    wrong = [f"{name} is not in the manifest." for name in sorted(there - told.keys())]
    wrong += [f"{name} is missing." for name in sorted(told.keys() - there)]
    return wrong + [
        f"{name} is not the file that was fetched."
        for name in sorted(there & told.keys())
        if digest(FOLDER / name) != told[name]
    ]


def main() -> None:
    match sys.argv[1:]:
        case ["write"]:
            write()
        case ["check"]:
            pass
        case _:
            raise SystemExit(__doc__)
    if wrong := mistakes():
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
