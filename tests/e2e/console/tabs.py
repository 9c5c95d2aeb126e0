"""A tab of the console in a real browser, and what axe finds on its page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect

PATIENCE_MS = 20_000
PHONE, DESK = 390, 1280
# Messages of Chromium and htmx about responses of 400 and above.
EXPECTED = ("Failed to load resource", "Response Status Error Code 4")
# On a busy machine, Chromium leaves out the animation from one page to the next.
LEFT_OUT = "Transition was "


@contextmanager
def tab(browser: Browser, url: str, width: int = DESK, scheme: str = "light") -> Iterator[Page]:
    """A tab whose browser console must have no errors. Responses of 400 and above are not counted."""
    dark_or_light = "dark" if scheme == "dark" else "light"
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": 900}, color_scheme=dark_or_light
    )
    opened, errors = context.new_page(), list[str]()

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            errors.append(message.text)

    def note_exception(error: Error) -> None:
        if LEFT_OUT not in error.message:
            errors.append(error.message)

    opened.on("console", note)
    opened.on("pageerror", note_exception)
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield opened
    context.close()
    assert not errors, errors


def problems(page: Page) -> list[str]:
    """What axe finds, with the elements, and whether the page is wider than the window."""
    answer = Axe().run(page).response
    assert "color-contrast" in {rule["id"] for rule in answer["passes"]}
    found = [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in answer["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append("The page is wider than the window.")
    return found


def problems_everywhere(browser: Browser, url: str, path: str) -> dict[str, list[str]]:
    """What axe finds on a page: on a desktop in light mode, and on a phone in dark mode."""
    found = {}
    for width, scheme in ((DESK, "light"), (PHONE, "dark")):
        with tab(browser, url, width, scheme) as page:
            page.goto(path)
            if wrong := problems(page):
                found[f"{path} {width} {scheme}"] = wrong
    return found
