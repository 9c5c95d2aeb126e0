"""Failed work on the dashboard, in a real browser: listed, previewed, tried again; and the intake."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.life import stall_import
from orders_pipeline.imports.quarantine import add_quarantined
from orders_pipeline.imports.step_failures import Step, noting_failures
from orders_pipeline.store.engine import open_engine
from tests.api_server import running_server
from tests.e2e.browser import browser
from tests.e2e.test_dashboard import problems
from tests.import_bench import ImportBench, Line, many_orders

KEY = "open sesame, open"
PATIENCE_MS = 20_000
__all__ = ["browser"]


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with failed orders of two reasons, a stalled import, and a step that failed in it."""
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key=KEY)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key=KEY)
    bench.stock(MOUSE=0, CABLE=100)
    bench.set(payment_success_rate=0)
    # In a thread of its own: the browser's event loop runs in this one.
    bench.race(lambda one: one.import_lines(Line("1"), Line("2"), Line("3", "CABLE")))
    key = bench.parsed(*many_orders(2, "s"), name="stalled.csv")
    with pytest.raises(ConnectionError), noting_failures(engine, Step(key, "load_orders", "run-7", 1)):
        raise ConnectionError("the store is away")
    with engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "3 launches brought no progress")
    yield bench
    engine.dispose()


@pytest.fixture
def page(browser: Browser, bench: ImportBench) -> Iterator[Page]:
    """The dashboard; scripts must not fail."""
    with running_server(bench.settings) as url:
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
        opened, errors = context.new_page(), list[str]()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        opened.goto("/dashboard")
        expect(opened.locator("#failed-orders tr")).to_have_count(3)
        yield opened
        context.close()
        assert errors == []


def show_key(page: Page, key: str = KEY) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Go on").click()


def test_orders_steps_and_imports_are_listed_with_reasons_and_trace(page: Page) -> None:
    expect(page.locator("#failed-state")).to_contain_text("2 out of stock, 1 declined")
    expect(page.locator("#failed-orders tr").first).to_contain_text("3")
    expect(page.locator("#failed-imports")).to_contain_text("3 launches brought no progress")
    page.get_by_text("Stack trace of load_orders").click()
    expect(page.locator("#failed-steps pre")).to_contain_text("raise ConnectionError")


def test_the_list_is_there_however_late_its_script_is(page: Page) -> None:
    def late(route: Route) -> None:
        time.sleep(1)
        route.continue_()

    page.route("**/confirm.js", late)
    page.reload()
    expect(page.locator("#failed-orders tr")).to_have_count(3)


def test_filters_narrow_the_list(page: Page) -> None:
    page.get_by_label("Reason").select_option("out_of_stock")
    expect(page.locator("#failed-orders tr")).to_have_count(2)
    page.get_by_label("Text").fill("no such text")
    expect(page.locator("#failed-orders tr")).to_have_count(0)
    page.get_by_label("Text").fill("")
    page.get_by_label("Reason").select_option("")
    expect(page.locator("#failed-orders tr")).to_have_count(3)


def test_what_is_filtered_is_tried_again_after_a_preview_and_the_key_is_kept_in_the_tab_only(
    page: Page, bench: ImportBench
) -> None:
    page.get_by_label("Reason").select_option("out_of_stock")
    expect(page.locator("#failed-orders tr")).to_have_count(2)
    page.get_by_role("button", name="Retry these orders…").click()
    show_key(page)
    expect(page.locator("#confirm-text")).to_contain_text(
        "2 orders of 1 file: 2 out of stock will be retried"
    )
    assert bench.statuses()["1"] == "failed"
    page.get_by_role("button", name="Retry failed orders").click()
    expect(page.locator("#confirm-text")).to_contain_text("2 orders of 1 file: 2 out of stock retried")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#failed-orders tr")).to_have_count(0)
    assert [bench.statuses()[number] for number in "123"] == ["pending", "pending", "rollback"]
    kept = page.evaluate("[localStorage.length, sessionStorage.getItem('orders-key'), document.cookie]")
    assert kept == [0, KEY, ""]


def test_one_order_is_tried_again_and_a_stalled_import_without_asking_for_the_key_twice(
    page: Page, bench: ImportBench
) -> None:
    page.get_by_role("button", name="Retry order 3").click()
    show_key(page)
    page.get_by_role("button", name="Retry failed orders").click()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#failed-orders tr")).to_have_count(2)
    page.get_by_role("button", name="Retry the import of stalled.csv").click()
    expect(page.locator("#confirm-text")).to_contain_text("1 import will be retried")
    page.get_by_role("button", name="Retry a stalled import").click()
    expect(page.locator("#confirm-text")).to_contain_text("launched within seconds")
    assert bench.statuses()["3"] == "pending"
    assert _import_statuses(bench) == {"running"}


def _import_statuses(bench: ImportBench) -> set[str]:
    return {bench.found(key).status.value for key in bench.keys().values()}


def test_a_wrong_key_is_told_and_asked_for_again(page: Page, bench: ImportBench) -> None:
    page.get_by_role("button", name="Retry order 3").click()
    show_key(page, "wrong")
    expect(page.locator("#confirm-text")).to_contain_text("unknown or has expired")
    expect(page.get_by_label("Key", exact=True)).to_be_visible()
    show_key(page)
    expect(page.locator("#confirm-text")).to_contain_text("1 order of 1 file")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert bench.statuses()["3"] == "rollback"


def test_the_intake_is_paused_and_resumed_and_the_page_says_so(page: Page) -> None:
    expect(page.locator("#intake")).to_be_hidden()
    page.get_by_role("button", name="Pause the intake…").click()
    show_key(page)
    page.get_by_label("Explanation").fill("stocktaking")
    page.get_by_role("button", name="Pause the intake", exact=True).click()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#intake")).to_contain_text("paused by key:home, stocktaking")
    page.get_by_role("button", name="Resume…").click()
    page.get_by_role("button", name="Resume the intake").click()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#intake")).to_be_hidden()


def test_the_key_is_sent_to_this_server_only_and_never_in_an_address(page: Page, bench: ImportBench) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.get_by_role("button", name="Retry order 3").click()
    show_key(page)
    expect(page.locator("#confirm-text")).to_contain_text("1 order of 1 file")
    origin = page.url.removesuffix("/dashboard")
    assert addresses
    assert all(address.startswith(origin) and "sesame" not in address for address in addresses)
    assert bench.statuses()["3"] == "rollback"


@pytest.mark.parametrize("width", [1280, 360])
def test_it_passes_axe_and_fits_a_phone(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_text("Stack trace of load_orders").click()
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Retry order 3").click()
    assert problems(page) == []
    show_key(page)
    expect(page.locator("#confirm-text")).to_contain_text("1 order of 1 file")
    assert problems(page) == []


def test_a_file_in_quarantine_is_shown_with_the_way_out_and_dismissed(page: Page, bench: ImportBench) -> None:
    refused = FileRefused("file_empty", "<b>bad</b>.csv is empty.", "Export it again.")
    with bench.engine.begin() as connection:
        add_quarantined(connection, "<b>bad</b>.csv", "bad.csv", 0, refused)
    page.reload()
    files = page.locator("#failed-files")
    expect(files).to_contain_text("<b>bad</b>.csv is empty.")
    expect(files).to_contain_text("Export it again.")
    expect(page.locator("#failed-state")).to_contain_text("files: 1 file empty")
    page.get_by_role("button", name="Dismiss the file <b>bad</b>.csv").click()
    show_key(page)
    page.get_by_role("button", name="Dismiss a file").click()
    expect(page.locator("#confirm-text")).to_contain_text("is dismissed")
    page.get_by_role("button", name="Close").first.click()
    expect(files).to_be_hidden()
