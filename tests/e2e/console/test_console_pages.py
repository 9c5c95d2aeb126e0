"""Failed work, customers, products and search in a real browser, with the actions on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.console.texts import texts
from orders_pipeline.imports.arrival.quarantine import add_quarantined
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.alerting import keep_alerts
from orders_pipeline.store.engine import open_engine
from tests.e2e.browser import KEY, browser, url, with_key
from tests.e2e.console.tabs import problems, problems_everywhere, tab
from tests.import_bench import ImportBench, Line, many_orders

__all__ = ["browser", "url"]
HTML = "<b>Ada</b>"


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with failed orders, a stalled import, a file in quarantine and a product with low stock."""
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key=KEY)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key=KEY, low_stock=5)
    bench.stock(MOUSE=0, CABLE=100)
    # In a separate thread, because the browser's event loop runs in this one.
    bench.race(lambda one: one.import_lines(Line("9", "CABLE", name=HTML, customer="c/1"), name="sold.csv"))
    bench.set(payment_success_rate=0)
    bench.race(lambda one: one.import_lines(Line("1"), Line("2"), Line("3", "CABLE"), name="failed.csv"))
    key = bench.parsed(*many_orders(2, "s"), name="stalled.csv")
    refused = FileRefused("file_empty", f"{HTML}.csv is empty.", "Export it again.")
    with engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "3 launches brought no progress")
        add_quarantined(connection, f"{HTML}.csv", "bad.csv", 0, refused)
    yield bench
    engine.dispose()


def confirmed(page: Page, action: str) -> None:
    """Opens an action's dialog, checks it, and confirms it."""
    assert problems(page) == []
    page.get_by_role("dialog").get_by_role("button", name=action).click()
    page.get_by_role("link", name="Done").click()


def test_failed_work_is_grouped_by_cause_and_mended(browser: Browser, url: str, bench: ImportBench) -> None:
    assert problems_everywhere(browser, url, "/failed") == {}
    with tab(browser, url) as page:
        with_key(page).goto("/failed")
        out = page.locator("#orders li", has_text="Out of stock")
        expect(out).to_contain_text("2 orders")
        out.get_by_role("link", name="See the orders").click()
        page.wait_for_url("**/orders?reason=out_of_stock")
        page.goto("/failed")
        out.get_by_role("link", name="Retry 2 orders").click()
        confirmed(page, "Retry 2 orders")
        expect(out).to_have_count(0)
        assert bench.statuses()["2"] == "pending"
        page.locator("#imports").get_by_role("link", name="Retry").click()
        confirmed(page, "Retry 1 import")
        expect(page.locator("#imports")).to_have_count(0)
        expect(page.locator("#files")).to_contain_text(f"{HTML}.csv is empty.")
        page.locator("#files").get_by_role("link", name="Dismiss").click()
        page.get_by_label("Reason, for the audit trail").fill("a test")
        confirmed(page, "Dismiss the file")
        expect(page.locator("#files")).to_have_count(0)


def test_an_action_on_a_page_of_its_own_leads_back(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        with_key(page).goto("/products")
        page.goto("/actions/restock?sku=MOUSE", referer=f"{url}/products?low=true")
        page.get_by_role("link", name="Go back").click()
        page.wait_for_url("**/products?low=true")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("restock?sku=unknown", "No product has the SKU"),
        ("threshold?sku=unknown", "No product has the SKU"),
        ("retry-file?ids=99", "No file in quarantine has the id 99"),
        ("dismiss?ids=99", "No file in quarantine has the id 99"),
        ("dismiss?imports=unknown", "There is no such order file"),
        ("retry?orders=unknown", "unknown"),
        ("retry?file=unknown", "There is no such order file"),
        ("retry?stalled=true&file=unknown", "There is no such order file"),
        ("cancel?orders=unknown", "unknown"),
        ("capture?orders=unknown", "unknown"),
        ("refund?orders=unknown", "There is no such order"),
    ],
)
def test_an_action_on_what_does_not_exist_is_not_found_and_leads_out(url: str, path: str, said: str) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    answered = requests.get(f"{url}/actions/{path}", headers=key, timeout=30)
    assert (answered.status_code, said in answered.text) == (404, True), answered.text
    assert "To the overview" in answered.text


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20"])
def test_a_search_for_nothing_says_what_can_be_searched_for(url: str, query: str) -> None:
    shown = requests.get(f"{url}/search{query}", timeout=30).text
    assert "Search for an order number" in shown
    assert "Nothing found" not in shown


def test_files_in_quarantine_need_attention_once_and_commands_are_marked(
    url: str, bench: ImportBench
) -> None:
    detail = "x.csv is in quarantine. `orders quarantine list` says what is wrong."
    raised = {AlertName.QUARANTINED_FILE: [Condition("x.csv", detail)]}
    keep_alerts(bench.engine, raised, now_us(), 0)
    shown = {path: requests.get(url + path, timeout=30).text for path in ("/", "/operations")}
    assert "1 file in quarantine" in shown["/"]
    assert "x.csv" not in shown["/"]
    assert "<code>orders quarantine list</code>" in shown["/operations"]
    assert '<a href="/failed#files">See the files</a>' in shown["/operations"]


def test_pages_that_alerts_lead_to_exist(url: str) -> None:
    pages = vars(texts().operations.alert_pages)
    key = {"Authorization": f"Bearer {KEY}"}
    answered = {
        link: requests.get(url + link, headers=key, timeout=30).status_code for link, _ in pages.values()
    }
    assert set(answered.values()) == {200}, answered
    assert set(pages) <= set(AlertName)


def test_products_are_found_and_restocked(browser: Browser, url: str, bench: ImportBench) -> None:
    for path in ("/products", "/products/MOUSE"):
        assert problems_everywhere(browser, url, path) == {}
    with tab(browser, url) as page:
        with_key(page).goto("/products?low=true")
        expect(page.get_by_role("row")).to_have_count(2)
        page.get_by_role("link", name="Restock").click()
        page.get_by_label("Units that arrived").fill("many")
        page.get_by_role("dialog").get_by_role("button", name="Restock").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("not a number of units")
        page.get_by_label("Units that arrived").fill("12")
        confirmed(page, "Restock")
        expect(page.get_by_role("heading", name="No product is low on stock")).to_be_visible()
        assert bench.shelf()["MOUSE"][0] == 12
        page.goto("/products/MOUSE")
        page.get_by_role("link", name="Set threshold").click()
        page.get_by_label("Stock is low at").fill("20")
        confirmed(page, "Set when stock is low")
        expect(page.locator(".figure", has_text="Low at")).to_contain_text("20")


def test_a_price_list_is_previewed_and_imported(browser: Browser, url: str, bench: ImportBench) -> None:
    listed = "sku,name,price,stock_quantity\nMOUSE,<b>Mouse</b>,12.50,99\nLAMP,Lamp,30.00,7\n"
    with tab(browser, url) as page:
        with_key(page).goto("/products")
        page.get_by_role("link", name="Import price list").click()
        dialog, file = page.get_by_role("dialog"), page.get_by_label("Price list", exact=True)
        file.set_input_files({"name": "bad.csv", "mimeType": "text/csv", "buffer": b"sku,name\n"})
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.get_by_role("alert")).to_contain_text("has no column 'price'")
        file.set_input_files({"name": "list.csv", "mimeType": "text/csv", "buffer": listed.encode()})
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog).to_contain_text("2 products in the list: 1 new, 1 changed, 0 unchanged.")
        expect(dialog).to_contain_text("Price: 10.00 → 12.50")
        expect(dialog).to_contain_text("<b>Mouse</b>")
        assert "LAMP" not in bench.shelf()
        confirmed(page, "Import 2 products")
        expect(page.get_by_role("row", name="LAMP")).to_contain_text("30.00")
    assert (bench.shelf()["LAMP"][0], bench.shelf()["MOUSE"][0]) == (7, 0)


def test_customers_and_the_search_lead_to_pages(browser: Browser, url: str) -> None:
    for path in ("/customers", "/customers/c/1", "/search?q=c"):
        assert problems_everywhere(browser, url, path) == {}
    with tab(browser, url) as page:
        page.goto("/customers")
        page.keyboard.press("/")
        page.keyboard.type("9")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Order 9")).to_be_visible()
        page.get_by_role("searchbox", name="Search orders").fill("ada")
        page.keyboard.press("Enter")
        page.locator("#customers").get_by_role("link", name=HTML).click()
        expect(page.get_by_role("heading", name=HTML)).to_be_visible()
        expect(page.locator("#newest")).to_contain_text("10.00")
        page.goto("/search?q=stalled")
        expect(page.locator("#files")).to_contain_text("stalled.csv")
        page.goto("/search?q=nothing%20like%20it")
        expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
