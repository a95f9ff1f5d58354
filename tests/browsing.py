"""A browser for tests: who is signed in, and everything that went wrong on a page.

`enter("Ada")` gives a watched page; `watched.said + watched.refused() == []` at the end
of a test says that no script failed and that the content security policy blocked nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from registry.models import User

expect.set_options(timeout=15_000)  # milliseconds; a machine may be busy
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
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
        page.set_default_timeout(15_000)
        return Watched(page, live_server.url)

    yield make
    for context in contexts:
        context.close()


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical, with the element and the reason."""
    return [
        f"{page.url}: {found['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"][:3]
    ]


def look_at(watched: Watched, path: str, *, status: int = 200) -> list[str]:
    """One page on a desk and on a phone, in light and in dark."""
    page, wrong = watched.page, list[str]()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESK)
    answered = watched.open(path)
    if answered != status:
        wrong.append(f"{path}: {answered}")
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if wider := page.evaluate(WIDER):
                wrong.append(f"{path} at {size['width']}: {wider}")
            if (size is DESK) == (scheme == "light"):  # each size, each scheme once
                wrong += serious(page)
    return wrong + watched.refused()
