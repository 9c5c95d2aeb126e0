"""Orders in a real browser: found, shown, refunded, retried and cancelled, each after a preview."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from orders_pipeline.access.audit import ActionFilter, list_actions
from orders_pipeline.base.model import RefundKind
from orders_pipeline.base.settings import Settings
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.refunds.actions import RefundAction, act
from orders_pipeline.refunds.requests.asked import RefundAsked
from orders_pipeline.refunds.requests.request import request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import refunds
from tests.e2e.browser import KEY, browser, url, with_key
from tests.e2e.console.tabs import problems, problems_everywhere, tab
from tests.import_bench import ImportBench, Line

__all__ = ["browser", "url"]
SCRIPT = "<script>alert(1)</script>"
IMG = "<img src=x onerror=alert(1)>"


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with a sold order, one that is out of stock, and one whose payment was declined."""
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key=KEY)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key=KEY)
    bench.stock(MOUSE=9, CABLE=10, LAMP=0)
    sold = (
        Line("1/a", quantity=2, customer=IMG, name=SCRIPT),
        Line("1/a", "<i>S", price="5.00", customer=IMG, name=SCRIPT, product=IMG),
    )
    # In a separate thread, because the browser's event loop runs in this one.
    bench.race(lambda one: one.import_lines(*sold, name="sold.csv"))
    bench.set(payment_success_rate=0)
    failed = (Line("2", "LAMP"), Line("3", "CABLE", currency="EUR"))
    bench.race(lambda one: one.import_lines(*failed, name="failed.csv"))
    yield bench
    engine.dispose()


def test_orders_are_filtered_by_address_and_html_is_text(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        page.goto("/orders")
        expect(page.get_by_text("3 orders")).to_be_visible()
        expect(page.get_by_text(SCRIPT)).to_be_visible()
        page.get_by_label("Status").select_option("Rolled back")
        page.wait_for_url("**/orders?status=rollback")
        expect(page.get_by_role("row")).to_have_count(2)
        page.get_by_role("link", name="Reset filters").first.click()
        page.get_by_label("Order, customer or transaction").fill("nothing like it")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="No orders match")).to_be_visible()
        page.goto("/orders")
        page.get_by_role("link", name="1/a").click()
        expect(page.get_by_role("heading", name="Order 1/a")).to_be_visible()
        expect(page.locator("#lines")).to_contain_text(IMG)
        expect(page.locator("#history")).to_contain_text("sold.csv, line 2")
        expect(page.locator("#history")).to_contain_text("Payment charged")
        expect(page.get_by_role("link", name="Sign in to act")).to_be_visible()
        missing = page.goto("/orders/none")
        assert missing
        assert missing.status == 404
    for path in ("/orders", "/orders/1/a", "/refunds"):
        assert problems_everywhere(browser, url, path) == {}


def test_an_order_is_refunded_by_line_after_a_preview(browser: Browser, url: str, bench: ImportBench) -> None:
    with tab(browser, url) as page:
        with_key(page).goto("/orders/1/a")
        page.get_by_role("link", name="Refund", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("heading", name="Refund order 1/a")).to_be_visible()
        assert problems(page) == []
        dialog.get_by_label("Amount in USD").fill("99")
        dialog.get_by_label("Reason").fill("broken")
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.get_by_role("alert")).to_contain_text("25.00")
        dialog.locator("[name=line-1]").fill("1")
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog).to_contain_text("10.00 USD will be refunded to the customer.")
        expect(dialog.get_by_role("listitem")).to_have_text("1 unit of Mouse")
        assert bench.rows("refunds") == []
        dialog.get_by_role("button", name="Refund 10.00 USD").click()
        expect(dialog).to_contain_text("The refund of 10.00 USD is pending.")
        dialog.get_by_role("link", name="Done").click()
        expect(page.locator("#refunds")).to_contain_text("broken")
        page.goto("/refunds")
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("button", name="Cancel refund").click()
        expect(page.get_by_role("dialog")).to_contain_text("is cancelled")
    with reading(bench.engine) as connection:
        (status,) = connection.execute(select(refunds.c.status)).scalars()
    assert status == "cancelled"


def test_a_dispute_is_told_from_a_refund_and_is_not_retried_once_it_is_won(
    url: str, bench: ImportBench
) -> None:
    def shown(path: str) -> str:
        return requests.get(url + path, headers={"Authorization": f"Bearer {KEY}"}, timeout=30).text

    asked = RefundAsked(order="1/a", kind=RefundKind.DISPUTE, reason="unknown to the holder", key="d")
    request_refunds(bench.engine, [asked], RefundTerms.of(bench.settings), "cli:ada")
    for path in ("/refunds", "/orders/1/a"):
        assert ">Disputed</span>" in shown(path)
    with reading(bench.engine) as connection:
        ids = connection.execute(select(refunds.c.refund_id)).scalars().all()
    act(bench.engine, RefundAction.REVERSE, ids, "cli:ada")
    for path in ("/refunds", "/orders/1/a"):
        assert ">Dispute reversed</span>" in shown(path)
    assert "/retry" not in shown("/refunds")


def test_an_action_on_a_refund_that_does_not_exist_is_not_found(url: str) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    answered = requests.get(f"{url}/actions/refunds/none/retry", headers=key, timeout=30)
    assert (answered.status_code, "No refund has the id" in answered.text) == (404, True)


@pytest.mark.parametrize(
    ("what", "field", "value", "said"),
    [
        ("lines", "line-2", "two", "Line 2, quantity: must be a number such as 12 or 12.50"),
        ("amount", "amount", "all", "amount: must be a number such as 12 or 12.50"),
        ("amount", "amount", "0", "The amount must be more than zero"),
        ("all", "reason", "x" * 501, "reason: must have at most 500 characters"),
    ],
)
def test_a_refund_that_is_entered_wrongly_says_what_each_field_accepts(
    url: str, what: str, field: str, value: str, said: str
) -> None:
    form = {"order": "1/a", "reason": "late", "what": what, field: value}
    key = {"Authorization": f"Bearer {KEY}"}
    answered = requests.post(f"{url}/actions/refund", data=form, headers=key, timeout=30)
    assert (answered.status_code, said in answered.text) == (422, True), answered.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("/files?state=x", "state: must be"),
        ("/files?state=x", "or &#39;quarantined&#39;"),
        ("/files?cursor=x", "cursor: must be a whole number"),
        ("/operations?hours=200", "hours: must be 168 or less"),
        ("/refunds?status=x", "status: must be"),
        ("/settings/audit?since=yesterday", "since: must be a day such as 2026-01-31"),
    ],
)
def test_a_wrong_address_says_what_its_fields_accept(url: str, query: str, said: str) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    answered = requests.get(url + query, headers=key, timeout=30)
    assert (answered.status_code, said in answered.text) == (422, True), answered.text
    assert not re.search(r"Input should|str-enum|literal\[", answered.text)


def test_many_orders_are_previewed_and_changed_at_once(
    browser: Browser, url: str, bench: ImportBench
) -> None:
    with tab(browser, url) as page:
        with_key(page).goto("/orders")
        assert problems(page) == []
        dialog = page.get_by_role("dialog")
        page.get_by_role("button", name="Retry…").click()
        expect(page.get_by_role("alert").first).to_contain_text("Select orders first")
        page.get_by_label("Select this page").check()
        expect(page.get_by_text("3 selected")).to_be_visible()
        page.get_by_role("button", name="Refund…").click()
        expect(dialog).to_contain_text("1 order")
        expect(dialog).to_contain_text("25.00")
        expect(dialog).to_contain_text("2: only completed orders can be refunded")
        assert problems(page) == []
        dialog.get_by_role("button", name="Go back").click()
        page.goto("/orders?currency=EUR")
        page.get_by_label("All orders of this list").check()
        page.get_by_role("button", name="Retry…").click()
        expect(dialog).to_contain_text("10.00EUR")
        dialog.get_by_role("button", name="Retry 1 order").click()
        expect(dialog).to_contain_text("1 order will be retried")
    assert [bench.statuses()[number] for number in ("2", "3")] == ["failed", "pending"]


def test_cancelled_orders_of_a_list_are_not_retried_unless_that_is_asked_for(
    url: str, bench: ImportBench
) -> None:
    bench.race(lambda one: one.retry("3"))
    cancel_orders(bench.engine, Chosen(("3",)), "they called", 100, "user:ada")

    def shown(**more: str) -> str:
        asked = {"all": "true", "currency": "EUR", **more}
        key = {"Authorization": f"Bearer {KEY}"}
        return requests.get(f"{url}/actions/orders/retry", params=asked, headers=key, timeout=30).text

    assert "they were cancelled" in shown()
    assert "Retry 1 order" in shown(reason="cancelled")


def test_an_action_on_orders_that_changed_since_is_shown_again(url: str, bench: ImportBench) -> None:
    names = [
        ("order", json.dumps([source, number])) for source, number in (("default", "1/a"), ("default", "2"))
    ]

    def ask(method: str, **form: str) -> str:
        key = {"Authorization": f"Bearer {KEY}"}
        address = f"{url}/actions/orders/refund"
        return requests.request(method, address, params=names, data=form, headers=key, timeout=30).text

    (digest,) = re.findall(r'name="digest" value="(\w+)"', ask("GET"))
    first, again = (ask("POST", digest=digest, key="one form", reason="damaged") for _ in range(2))
    assert "The refund of 1 order was requested" in first
    assert "have changed since you looked" in again
    assert "nothing is left to refund" in again
    assert len(bench.rows("refunds")) == 1
    with reading(bench.engine) as connection:
        (done,) = list_actions(connection, ActionFilter(action="refunds.request"), 10)
    assert (done.actor, done.detail["amount"]) == ("key:home", 2500)
    trail = requests.get(f"{url}/settings/audit", headers={"Authorization": f"Bearer {KEY}"}, timeout=30).text
    assert '<span class="quiet">amount</span> 25.00' in trail


def test_failed_orders_are_retried_and_cancelled(browser: Browser, url: str, bench: ImportBench) -> None:
    with tab(browser, url) as page:
        with_key(page).goto("/orders/2")
        page.get_by_role("link", name="Retry").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 order: 1 out of stock")
        assert problems(page) == []
        page.get_by_role("button", name="Retry 1 order").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 order will be retried")
        assert bench.statuses()["2"] == "pending"
        page.get_by_role("link", name="Done").click()
        page.get_by_role("link", name="Cancel order").click()
        page.get_by_label("Explanation").fill("they called")
        page.get_by_role("button", name="Cancel 1 order").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 order cancelled.")
        page.get_by_role("link", name="Done").click()
        expect(page.locator("#history")).to_contain_text("they called")
    assert bench.statuses()["2"] == "failed"
