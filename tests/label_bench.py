"""The labelling screen as a browser test meets it: mails to label, who labels them, and
what the page and the database say."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example
from registry.clock import now
from registry.models import Project
from tests.browsing import Watched
from tests.factories import make_project, make_user
from tests.watching import eventually

Enter = Callable[..., Watched]
STEP = re.compile("/label/step$")


def make_mail(count: int = 20, **changes: Any) -> Project:
    """Mails in order, with a column beside them, and Erin, Omar and Rosa."""
    given: dict[str, Any] = {
        "target": "spam",
        "fields": [
            {"name": "text", "kind": "text"},
            {"name": "sender", "kind": "categorical"},
        ],
        "costs": {},
        "decision": {},
    }
    project = make_project("mail", **(given | changes))
    for name, role in {
        "Erin": "labeller",
        "Omar": "labeller",
        "Rosa": "reviewer",
    }.items():
        make_user(name, project=project, role=role)
    items = [
        {"payload": {"text": f"Mail {n}", "sender": f"s{n}@example.org"}, "key": str(n)}
        for n in range(count)
    ]
    import_examples(project=project, items=enumerate(items), now=now())
    for n in range(count):
        Example.objects.filter(key=str(n)).update(shuffle=n)
    return project


def opened(enter: Enter, name: str = "Erin", **options: Any) -> Watched:
    watched = enter(name, **options)
    watched.open("/p/mail/label")
    expect(watched.page.locator("[data-bench][data-ready]")).to_be_visible()
    return watched


def item(page: Page) -> Any:
    return page.locator("[data-card]:not([hidden]) .item")


def said(name: str = "Erin") -> list[tuple[str, str, Any]]:
    rows = Annotation.objects.filter(user__username=name).order_by("id")
    return list(rows.values_list("example__key", "state", "value"))


def sent(page: Page) -> None:
    """Wait until all that was said is stored."""
    kept = "Object.keys(localStorage).filter((key) => /^label:mail:/.test(key)).length"
    eventually(lambda: page.evaluate(kept) == 0)


def hold(page: Page, deed: str) -> list[Route]:
    """The first of such deeds does not reach the server until the test lets it go on."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        if deed in (route.request.post_data or "") and not held:
            held.append(route)
        else:
            route.continue_()

    page.route(STEP, keep)
    return held


def arrived(page: Page, held: list[Route]) -> None:
    """Wait until a deed is held; the browser tells it while it is asked something."""
    eventually(lambda: page.evaluate("1") and held)


def swipe(page: Page) -> None:
    """To the right."""
    page.evaluate(
        """() => {
          const item = document.querySelector("[data-card]:not([hidden]) .item");
          const at = (x, type) => item.dispatchEvent(new PointerEvent(type, {
            bubbles: true, pointerType: "touch", clientX: x, clientY: 300 }));
          at(100, "pointerdown"); at(160, "pointermove"); at(260, "pointermove");
          at(260, "pointerup");
        }"""
    )
