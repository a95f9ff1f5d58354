"""The manual of the API in a real browser: it loads, tries a request out, and breaks no
rule of the Content-Security-Policy."""

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from tests.factories import make_project, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]
LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


def signed_in(browser: Browser, live_server: Any, settings: Any) -> Page:
    client = Client()
    client.force_login(make_user("Ada", project=make_project(), role="admin"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context()
    context.add_cookies(
        [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
    )
    page = context.new_page()
    page.set_default_timeout(60_000)  # milliseconds; a machine may be busy
    page.add_init_script(LISTEN)
    return page


def test_the_manual_lists_operations_and_tries_one(
    browser: Browser, live_server: Any, settings: Any
) -> None:
    page = signed_in(browser, live_server, settings)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))

    page.goto(f"{live_server.url}/api/docs?project=churn")
    expect(page.get_by_role("heading", name="mlsystem: Churn")).to_be_visible()
    page.locator("#operations-tag-members").click()
    page.locator("#operations-members-post_members").click()
    page.get_by_role("button", name="Try it out").click()
    make_user("Omar")
    page.locator("textarea.body-param__text").fill('{"user": "Omar", "role": "viewer"}')
    page.get_by_role("button", name="Execute").click()

    expect(page.get_by_role("cell", name="201").first).to_be_visible()
    assert page.evaluate("window.refused") == []
    assert said == []
    page.context.close()
