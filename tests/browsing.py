"""A browser for tests: who is signed in, and everything that went wrong on a page.

`enter("Ada")` gives a watched page; `watched.said + watched.refused() == []` at the end
of a test says that no script failed and that the content security policy blocked nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from registry.models import User

PATIENCE = 60_000  # milliseconds; a machine may be busy
expect.set_options(timeout=PATIENCE)
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
TABLET = {"width": 1024, "height": 768}
LOOKS: Any = ((DESK, "light"), (PHONE, "dark"))  # each size and each scheme once
# Written into the page before its own scripts.
LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
WIDER = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return "";
  const out = [...document.querySelectorAll("main *, .rail *")].filter(
    (one) => one.getBoundingClientRect().right > page.clientWidth + 1);
  return `${page.scrollWidth} > ${page.clientWidth}: ` +
    out.slice(0, 3).map((one) => one.outerHTML.slice(0, 90)).join(" | ");
}"""

# Styles loaded ahead serve one rule alone, of turned screens, and take a third of a run.
BROKEN_RULES = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, failureSummary }) =>
      `${id}: ${html.slice(0, 120)} ${failureSummary.slice(0, 200)}`));
}"""
# What a finger cannot meet: at 21 pixels from its middle, one way or another, there is
# something else. A link in running text may be as small as its words (WCAG 2.5.8). Of a
# table the first rows are enough: the others are made as they are.
TOO_SMALL = """() => {
  const controls = `a[href], button, summary, select, textarea, [role=option],
    input:not([type=hidden])`;
  const apart = "[inert], .visually-hidden, .skip-link, .drawing, tr:nth-child(n+5)";
  const name = (one) => one.outerHTML.replace(/\\s+/g, " ").slice(0, 100);
  const inText = (one) => one.matches("a") && [...one.parentElement.childNodes].some(
    (near) => near.nodeType === Node.TEXT_NODE && /\\S/.test(near.data));
  const missed = (one) => {
    const target = one.matches("[type=checkbox], [type=radio]") && one.closest("label") || one;
    target.scrollIntoView({ block: "center", inline: "center" });
    const box = target.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    return [[0, -21], [0, 21], [-21, 0], [21, 0]].some(([right, down]) =>
      !target.contains(document.elementFromPoint(x + right, y + down)));
  };
  const place = document.querySelector("dialog[open]") ?? document;
  const folded = [...place.querySelectorAll("main details:not([open])")];
  for (const fold of folded) fold.open = true;
  const found = [...place.querySelectorAll(controls)].filter((one) =>
    one.checkVisibility({ visibilityProperty: true }) && !one.disabled &&
    !one.closest(apart) && !inText(one) && missed(one));
  for (const fold of folded) fold.open = false;
  return found.map((one) => `${name(one.parentElement).slice(0, 40)} ${name(one)}`);
}"""


class Watched:
    """A page, and everything that went wrong on it."""

    def __init__(self, page: Page, root: str) -> None:
        self.page, self.root = page, root
        self.said: list[str] = []
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: {error}"))
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        # The status of the page itself is in the console too, as a failed load.
        if message.type == "error" and "status of 404" not in message.text:
            self.said.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> int:
        answer = self.page.goto(self.root + path)
        return answer.status if answer else 0

    def refused(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.refused")
        return [f"{self.page.url}: {one}" for one in found]


@pytest.fixture
def enter(
    browser: Browser, live_server: Any, settings: Any
) -> Iterator[Callable[..., Watched]]:
    """`enter("Ada")`: a browser in which somebody is signed in."""
    contexts = []

    def make(name: str = "", **options: Any) -> Watched:
        context = browser.new_context(**({"viewport": DESK} | options))
        contexts.append(context)
        if name:
            client = Client()
            client.force_login(User.objects.get(username=name))
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies(
                [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
            )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        return Watched(page, live_server.url)

    yield make
    for context in contexts:
        context.close()


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical, with the element and the reason."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(BROKEN_RULES)
    return [f"{page.url}: {one}" for one in found]


def look_at(watched: Watched, path: str, *, status: int = 200) -> list[str]:
    """One page on a desk and on a phone, in light and in dark, by mouse and by finger."""
    watched.page.emulate_media(color_scheme="light")
    watched.page.set_viewport_size(DESK)
    answered = watched.open(path)
    wrong = [f"{path}: {answered}"] if answered != status else []
    return wrong + look_around(watched)


def look_around(watched: Watched) -> list[str]:
    """The same on a page that is open."""
    page, wrong = watched.page, list[str]()
    page.wait_for_load_state()
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        if wider := page.evaluate(WIDER):
            wrong.append(f"{page.url} at {size['width']}: {wider}")
        wrong += serious(page)
    wrong += [f"{page.url}, for a finger: {one}" for one in too_small(page)]
    return wrong + watched.refused()


def too_small(page: Page) -> list[str]:
    """Targets of fewer than 44 pixels, where a finger points: on a phone, a tablet."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    found = set[str]()
    for size in (TABLET, PHONE):
        page.set_viewport_size(size)
        assert page.evaluate("matchMedia('(pointer: coarse)').matches")
        found |= {f"{size['width']}: {one}" for one in page.evaluate(TOO_SMALL)}
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    session.detach()
    return sorted(found)
