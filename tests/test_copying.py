"""Copy buttons: also where the browser keeps its clipboard back, as over http in a LAN."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import Watched
from tests.factories import make_project, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]
# What is told stays on the screen, however late the test looks.
STAYS = """const later = window.setTimeout;
window.setTimeout = (act, ms, ...given) => ms < 5000 ? later(act, ms, ...given) : 0;"""
NO_CLIPBOARD = "delete Navigator.prototype.clipboard;"
REFUSES = "Clipboard.prototype.writeText = () => Promise.reject(new Error('no'));"
NO_COMMAND = "Document.prototype.execCommand = () => false;"


@pytest.fixture
def new_key(enter: Callable[..., Watched]) -> Callable[[str], Page]:
    make_user("Ada", project=make_project(), role="admin")

    def open_it(before: str) -> Page:
        watched = enter("Ada")
        watched.page.add_init_script(STAYS + before)
        watched.open("/p/churn/settings/keys")
        watched.page.get_by_label("Name", exact=True).fill("The shop")
        watched.page.get_by_role("button", name="Make a key").click()
        expect(watched.page.get_by_text("it is shown this once")).to_be_visible()
        watched.page.wait_for_load_state()
        watched.page.get_by_role("button", name="Copy").click()
        return watched.page

    return open_it


@pytest.mark.parametrize("before", [NO_CLIPBOARD, REFUSES])
def test_a_key_is_copied_where_there_is_no_clipboard_to_write_to(
    new_key: Callable[[str], Page], before: str
) -> None:
    page = new_key(before)

    expect(page.get_by_text("Copied.")).to_be_visible()
    name = page.get_by_label("Name", exact=True)
    name.fill("")
    name.focus()
    page.keyboard.press("Control+v")
    expect(name).to_have_value(page.locator("#new-key").inner_text())


def test_where_no_script_may_copy_the_key_is_selected_and_the_reader_told_how(
    new_key: Callable[[str], Page],
) -> None:
    page = new_key(NO_CLIPBOARD + NO_COMMAND)

    expect(page.get_by_text("It is selected: press Ctrl-C to copy it.")).to_be_visible()
    selected = page.evaluate("String(getSelection())")
    assert selected == page.locator("#new-key").inner_text()
