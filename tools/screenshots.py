"""Photographs every page: desk and phone, light and dark, full, empty and broken.

    tools/screenshots.py [--data FOLDER] [--only TEXT] [--tour]

Builds the demo in a folder of its own (`--data` keeps one between calls), serves it, and
writes docs/screens/NAME-WIDTH-SCHEME.png. `--only churn-` takes the pages whose name
holds that text; `--tour` the few that the README shows.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SCREENS = ROOT / "docs" / "screens"
SIZES = {1440: 900, 390: 844}
SCHEMES = ("light", "dark")
TALLEST = 3_000  # pixels: the rest of a long table shows nothing new
COLOURS = 128  # a screen has few, and a palette makes the file a third
# What the README's tour shows, in which width and scheme.
TOUR = {
    "churn-overview": (1440, "light"),
    "churn-monitor": (1440, "light"),
    "flights-rejected": (1440, "dark"),
    "flights-rollout": (1440, "light"),
    "birdstrikes-label": (1440, "light"),
    "digits-label": (390, "dark"),
}


def main() -> int:
    options = _options()
    with contextlib.ExitStack() as held:
        folder = options.data or held.enter_context(
            tempfile.TemporaryDirectory(prefix="screens-")
        )
        port = _free_port()
        root = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "DATA_DIR": str(Path(folder).resolve()),
            "PORT": str(port),
            "PUBLIC_URL": root,
            "SOURCE_FILES_URL": f"file://{ROOT}/mlsystem/examples/data",
        }
        made = subprocess.run(
            [sys.executable, "tools/screens_data.py"],
            cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        found = json.loads(made.stdout.splitlines()[-1])
        held.enter_context(_served(root, environment))
        wanted = _wanted(found["pages"], options)
        _photograph(root, found["sessions"], wanted, tour=options.tour)
    return 0


def _wanted(
    pages: dict[str, str], options: argparse.Namespace
) -> dict[str, tuple[str, list[tuple[int, str]]]]:
    """Name → address, and the widths and schemes it is taken in."""
    everything = [(width, scheme) for width in SIZES for scheme in SCHEMES]
    if options.tour:
        return {name: (pages[name], [TOUR[name]]) for name in TOUR if name in pages}
    return {
        name: (address, everything)
        for name, address in pages.items()
        if options.only in name
    }


def _photograph(
    root: str,
    sessions: dict[str, dict[str, str] | None],
    wanted: dict[str, tuple[str, list[tuple[int, str]]]],
    *,
    tour: bool,
) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        people = {
            begins: _signed_in(browser, root, cookie)
            for begins, cookie in sessions.items()
        }
        for number, (name, (address, looks)) in enumerate(wanted.items(), start=1):
            print(f"{number}/{len(wanted)} {address}", flush=True)  # noqa: T201
            page = people[max(filter(name.startswith, people), key=len)]
            for width, scheme in looks:
                shot = _shot(page, root + address, width, scheme, whole=not tour)
                file = f"tour-{name}" if tour else f"{name}-{width}-{scheme}"
                _save(shot, SCREENS / f"{file}.png")
        browser.close()


def _signed_in(browser: Browser, root: str, cookie: dict[str, str] | None) -> Page:
    context = browser.new_context(reduced_motion="reduce", locale="en-GB")
    if cookie:
        context.add_cookies([{**cookie, "url": root}])  # type: ignore[typeddict-item]
    return context.new_page()


def _shot(page: Page, address: str, width: int, scheme: Any, *, whole: bool) -> bytes:
    page.set_viewport_size({"width": width, "height": SIZES[width]})
    page.emulate_media(color_scheme=scheme)
    page.goto(address)
    with contextlib.suppress(Exception):  # a page that polls is never idle
        page.wait_for_load_state("networkidle", timeout=4_000)
    # Charts are drawn when they come into view.
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, min(height, TALLEST), SIZES[width]):
        page.evaluate("top => window.scrollTo(0, top)", top)
        page.wait_for_timeout(60)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(200)
    tall = min(max(height, SIZES[width]), TALLEST)
    clip: Any = {"x": 0, "y": 0, "width": width, "height": tall}
    return page.screenshot(full_page=True, clip=clip) if whole else page.screenshot()


def _save(shot: bytes, path: Path) -> None:
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


@contextlib.contextmanager
def _served(root: str, environment: dict[str, str]) -> Iterator[None]:
    """The whole product at an address of its own, ended afterwards."""
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            while not _answers(root):
                if server.poll() is not None:
                    log.seek(0)
                    raise SystemExit(log.read().decode(errors="replace")[-2_000:])
                time.sleep(0.5)
            yield
        finally:
            server.terminate()
            server.wait(timeout=30)


def _answers(root: str) -> bool:
    try:
        urllib.request.urlopen(f"{root}/healthz", timeout=2)  # noqa: S310  # our own
    except OSError:
        return False
    return True


def _chromium() -> str:
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, names)), ""
    )
    if not found:
        raise SystemExit("There is no Chromium: install one, or name it in CHROMIUM.")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--tour", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
