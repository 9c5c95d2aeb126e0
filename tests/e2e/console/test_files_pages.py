"""Files in a real browser: listed by state, with their rejected lines, and uploaded on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.quarantine import add_quarantined
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.store.engine import open_engine
from tests.e2e.browser import KEY, browser, url, with_key
from tests.e2e.console.tabs import problems, problems_everywhere, tab
from tests.import_bench import ImportBench, Line, many_orders
from tests.visitors import PASSWORD, add_one_of_each_role

__all__ = ["browser", "url"]
HTML = "<b onclick=alert(1)>"
# Drops a file on the page, as a person does who drags it from a folder.
DROP = """([name, text]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], name));
    document.querySelector('#upload').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
}"""


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with a file with rejected lines, a stalled import and a file in quarantine."""
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key=KEY)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key=KEY)
    bench.stock(MOUSE=100, LAMP=0)
    add_one_of_each_role(engine)
    rejected = [Line(f"x{number}", quantity=HTML, name=HTML) for number in range(51)]
    # In a separate thread, because the browser's event loop runs in this one.
    bench.race(lambda one: one.import_lines(Line("1"), Line("2", "LAMP"), *rejected, name="mixed.csv"))
    key = bench.parsed(*many_orders(2, "s"), name="stalled.csv")
    refused = FileRefused("file_empty", f"{HTML}.csv is empty.", "Export it again.")
    with engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "3 launches brought no progress")
        add_quarantined(connection, f"{HTML}.csv", "bad.csv", 0, refused)
    yield bench
    engine.dispose()


def test_files_are_listed_by_state_and_lead_to_their_rejected_lines(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        with_key(page).goto("/files")
        page.get_by_role("link", name="In quarantine 1").click()
        expect(page.get_by_text(f"{HTML}.csv is empty.")).to_be_visible()
        page.get_by_role("link", name="Stalled 1").click()
        page.get_by_role("link", name="stalled.csv").click()
        stalled = page.url
        page.get_by_role("link", name="Retry the import").click()
        expect(page.get_by_role("heading", name="Retry stalled imports")).to_be_visible()
        page.get_by_role("button", name="Retry 1 import").click()
        page.get_by_role("link", name="Done").click()
        expect(page.locator("h1 + .badge")).to_have_text("Running")
        page.goto("/files?state=finished")
        page.get_by_role("link", name="mixed.csv").click()
        finished = page.url
        rejects = page.locator("#rejects")
        expect(rejects.get_by_role("listitem")).to_have_count(50)
        expect(rejects).to_contain_text(HTML)
        with page.expect_download() as saved:
            page.get_by_text("Download").click()
            page.get_by_role("link", name="Rejected orders, to correct").click()
        assert saved.value.path().read_text(encoding="utf-8").count(HTML) >= 51
        rejects.get_by_role("link", name="Next").click()
        expect(rejects.get_by_role("listitem")).to_have_count(1)
        rejects.get_by_label("quantity").fill("2")
        # Typed text stays while the rest of the page is refreshed.
        page.evaluate("htmx.trigger(document.body, 'published')")
        expect(rejects.get_by_label("quantity")).to_have_value("2")
        rejects.get_by_role("button", name="Import the corrected orders").click()
        page.wait_for_url("**/mixed.corrected.csv-*")
        expect(page.locator("h1 + .badge")).to_have_text("Waiting")
        page.goto(finished)
        page.locator("#outcomes").get_by_role("link", name="Failed").click()
        expect(page.get_by_text("1 order", exact=True)).to_be_visible()
        assert "status=" in page.url
        missing = page.goto("/files/none")
        assert missing
        assert missing.status == 404
    for path in ("/files", "/files?state=quarantined", stalled, finished):
        assert problems_everywhere(browser, url, path) == {}


STRANGER = """Bestellnr;Kunde;Art.-Nr.;Anzahl;Einzelpreis;Bestelldatum
1001;Müller;A1;2;3,50;31.12.2025
1002;<b onclick=alert(1)>;A1;1;3,50;30.12.2025
"""


def sign_in(page: Page) -> None:
    """Signs an operator in, starting from the page of files."""
    page.goto("/files")
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    page.get_by_role("link", name="Sign in to act").click()
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: urlsplit(address).path == "/files")


def test_a_strangers_file_is_mapped_once_and_its_next_file_is_recognised(
    browser: Browser, url: str, bench: ImportBench
) -> None:
    with tab(browser, url) as page:
        sign_in(page)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose files").focus()
            page.keyboard.press("Enter")
        empty = bench.folder / "empty.csv"
        empty.touch()
        chooser.value.set_files([empty])
        expect(page.locator("#sent li")).to_contain_text("Not accepted")
        page.evaluate(DROP, ["shop.csv", STRANGER])
        page.wait_for_url("**/mapping")
        expect(page.locator("#outcome")).to_contain_text("10.50")
        assert problems(page) == []
        page.get_by_label("This price is").focus()
        page.get_by_label("This price is").select_option("line_total")
        expect(page.locator("#outcome")).to_contain_text("7.00")
        expect(page.get_by_label("This price is")).to_be_focused()
        page.get_by_label("Column of quantity").select_option("")
        expect(page.get_by_text("quantity needs a column")).to_be_visible()
        expect(page.get_by_role("button", name="Save and import")).to_be_disabled()
        page.get_by_label("Column of quantity").select_option("Anzahl")
        page.get_by_label("Name of the profile").fill("default")
        page.get_by_role("button", name="Save and import").click()
        expect(page.locator("#notice")).to_contain_text("Choose another name")
        page.get_by_label("Name of the profile").fill("leipzig")
        page.get_by_role("button", name="Save and import").click()
        page.wait_for_url("**/files/shop.csv-*")
        expect(page.locator("h1 + .badge")).to_have_text("Waiting")
        key = page.url.rpartition("/")[2]
        # The open page follows the import until it is finished.
        bench.race(lambda one: one.settle(key))
        expect(page.locator("h1 + .badge")).to_have_text("Finished")
        expect(page.locator("#outcomes")).to_contain_text("Completed")
        page.goto("/files")
        page.evaluate(DROP, ["next.csv", STRANGER.replace("100", "200")])
        page.wait_for_url("**/files/new/*")
        expect(page.locator("#detected")).to_contain_text("leipzig")
        expect(page.locator("#outcome")).to_contain_text("7.00")
        assert problems(page) == []
        page.get_by_role("link", name="Files", exact=True).last.click()
        waiting = page.locator("#uploads")
        expect(waiting).to_contain_text("next.csv")
        assert problems(page) == []
        waiting.get_by_role("button", name="Discard next.csv").click()
        expect(waiting).to_have_count(0)
