"""The overview in a real browser: figures of a period, live parts, and links from bars to their days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus, OrderStatus, Window
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.alerting import keep_alerts
from orders_pipeline.store.schema import imports
from tests.e2e.browser import browser
from tests.e2e.console.tabs import problems, problems_everywhere, tab
from tests.e2e.orders_command import orders_process
from tests.figures import open_home
from tests.integration.figures.test_kpis import TUESDAY, sample
from tests.made_up.builders import StoredOrder, store_orders
from tests.servers.api_server import running_server

__all__ = ["browser"]
SAMPLE = PROJECT_ROOT / "data" / "sample.csv"
RANGE = "/?start_date=2025-11-10&end_date=2025-11-11"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    paid_at_once = {"payment_success_rate": 1, "payment_delay_min": 0, "payment_delay_max": 0}
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=0, worker_processes=1, **paid_at_once)


@pytest.fixture
def home(settings: Settings) -> Iterator[PublishedFigures]:
    with open_home(settings.store_url, settings.redis_url, settings.warehouse) as figures:
        yield figures


@pytest.fixture
def url(settings: Settings, home: PublishedFigures) -> Iterator[str]:
    assert home.currency == settings.currency
    with running_server(settings) as address:
        yield address


def publish_sample(home: PublishedFigures) -> None:
    store_orders(home.engine, sample())
    home.refresh_dirty_days()
    home.publish_batch(Window(1, 10))


def test_an_empty_home_says_what_to_do(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        page.goto("/")
        expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()
        expect(page.get_by_text("Nothing needs your attention")).to_be_visible()
        expect(page.get_by_text("No files yet")).to_be_visible()
        assert problems(page) == []


def test_an_open_page_shows_orders_as_they_come_in(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    with tab(browser, url) as page:
        page.goto(RANGE)
        expect(page.locator("[data-live=now]")).to_contain_text("0.00")
        page.evaluate("document.body.dataset.opened = 'once'")
        publish_sample(home)
        expect(page.locator("#period")).to_contain_text("1,065.43")
        lines = (("SKU-9", 70, 70_000_000),)
        late = StoredOrder(number="late", day=TUESDAY, customer_id="new", lines=lines, settled_at=now_us())
        waiting = StoredOrder(number="waiting", day=TUESDAY, lines=lines, status=OrderStatus.PENDING)
        store_orders(home.engine, [late, waiting])
        with home.engine.begin() as connection:
            running = imports.c.partition_key == "file-2"
            connection.execute(update(imports).where(running).values(status=ImportStatus.RUNNING))
        home.publish_batch(Window(11, 12))
        expect(page.locator("[data-live=now]")).to_contain_text("7,000.00")
        expect(page.locator("[data-live=now]")).to_contain_text("1 pending")
        expect(page.locator("#files")).to_contain_text("1 of 2 settled")
        keep_alerts(home.engine, {AlertName.WAITING_TOO_LONG: [Condition("orders", "7 wait.")]}, now_us(), 0)
        expect(page.locator("#attention")).to_contain_text("Waiting too long (orders)")
        assert problems(page) == []
        # The page was never reloaded.
        expect(page.locator("body")).to_have_attribute("data-opened", "once")


def test_a_file_imported_by_the_command_moves_an_open_page(
    browser: Browser, url: str, settings: Settings
) -> None:
    with tab(browser, url) as page:
        moved = page.request.get("/dashboard?currency=USD", max_redirects=0)
        assert (moved.status, moved.headers["location"]) == (301, "/?currency=USD")
        page.goto(RANGE)
        expect(page.locator("#period")).to_contain_text("0.00")
        done = orders_process(settings, "import", SAMPLE, "--json")
        assert done.code == 0, done.err
        expect(page.locator("#period")).to_contain_text("1,065.43")
        expect(page.locator("#files")).to_contain_text("sample.csv")


def test_figures_are_shown_with_those_before_and_a_bar_leads_to_its_day(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    publish_sample(home)
    with tab(browser, url) as page:
        # Without orders in the last 30 days, it shows the latest days that have some.
        page.goto("/")
        expect(page.get_by_text("There are no orders in the last 30 days")).to_be_visible()
        page.goto("/?start_date=2025-11-11&end_date=2025-11-11")
        revenue = page.locator(".figure", has_text="Net revenue")
        expect(revenue).to_contain_text("579.47")
        expect(revenue).to_contain_text("+19.2 %")
        expect(revenue).to_contain_text("vs 10 Nov 2025")
        page.goto(RANGE)
        expect(page.get_by_role("img", name="Net: 1,065.43, Refunded: 0.00 USD")).to_be_visible()
        chart = page.locator("#revenue .u-over")
        box = chart.bounding_box()
        assert box
        chart.click(position={"x": box["width"] * 3 / 4, "y": box["height"] / 2})
        page.wait_for_url("**/?start_date=2025-11-11&end_date=2025-11-11&currency=USD")
        # The same by keyboard.
        page.goto(RANGE)
        page.locator("#revenue summary").press("Enter")
        page.get_by_role("link", name="10 Nov 2025").first.press("Enter")
        page.wait_for_url("**/?start_date=2025-11-10&end_date=2025-11-10&currency=USD")
        page.get_by_label("Currency").select_option("USD")
    assert problems_everywhere(browser, url, RANGE) == {}


def test_dates_are_typed_to_their_end_before_they_apply(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    publish_sample(home)
    with tab(browser, url) as page:
        page.goto(RANGE)
        page.get_by_label("From", exact=True).focus()
        for key in ("Tab", "Tab", "Tab", "Enter"):
            page.keyboard.press(key)
        # Enter has opened the calendar.
        page.keyboard.press("Escape")
        assert page.url.endswith(RANGE)
        page.goto(RANGE)
        page.get_by_label("From", exact=True).focus()
        page.keyboard.type("11122025")
        assert page.url.endswith(RANGE)
        page.keyboard.press("Enter")
        # The last day follows, because it would be before the first.
        page.wait_for_url("**/?start_date=2025-11-12&end_date=2025-11-12&currency=USD")
        page.get_by_label("From", exact=True).focus()
        page.keyboard.type("11102025")
        page.get_by_role("link", name="7 days").focus()
        page.wait_for_url("**/?start_date=2025-11-10&end_date=2025-11-12&currency=USD")
        # A picked date applies at once.
        page.get_by_label("To", exact=True).fill("2025-11-11")
        page.wait_for_url("**/?start_date=2025-11-10&end_date=2025-11-11&currency=USD")
        # So does one that was picked after keys that changed nothing.
        page.get_by_label("To", exact=True).focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowDown")
        page.get_by_role("link", name="7 days").focus()
        page.get_by_label("To", exact=True).fill("2025-11-10")
        page.wait_for_url("**/?start_date=2025-11-10&end_date=2025-11-10&currency=USD")
        # Each date counts, whichever the person typed last.
        page.get_by_label("From", exact=True).focus()
        page.keyboard.type("11092025")
        page.get_by_label("To", exact=True).focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowDown")
        page.get_by_role("link", name="7 days").focus()
        page.wait_for_url("**/?start_date=2025-11-09&end_date=2025-11-10&currency=USD")


def test_what_needs_attention_comes_before_the_figures(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    publish_sample(home)
    with tab(browser, url) as page:
        page.goto(RANGE)
        attention, figures = page.locator("#attention").bounding_box(), page.locator("#period").bounding_box()
        assert attention
        assert figures
        assert attention["y"] < figures["y"]


def test_a_period_of_too_many_days_is_limited_and_one_that_ends_too_soon_is_refused(
    browser: Browser, url: str
) -> None:
    with tab(browser, url) as page:
        for path in ("/", "/reports"):
            answered = page.goto(f"{path}?start_date=0001-01-01&end_date=9999-12-31&by=day")
            assert answered
            assert answered.status == 200
        page.goto("/?start_date=2025-11-11&end_date=2025-11-10")
        expect(page.get_by_text("“To”: 2025-11-10 is before “From” 2025-11-11")).to_be_visible()
        expect(page.get_by_role("link", name="Try again")).to_have_count(0)
        signing_in = page.get_by_role("link", name="Sign in").bounding_box()
        assert signing_in
        assert signing_in["x"] > 1000


def test_a_store_that_fails_is_reported_and_comes_back(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    with tab(browser, url) as page:
        page.goto("/design")
        state = page.locator("[data-live=header]")
        expect(state).to_contain_text("All services answer")
        with home.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE batches RENAME TO gone")
        answered = page.goto("/")
        assert answered
        assert answered.status == 503
        expect(page.get_by_role("heading", name="A service does not answer")).to_be_visible()
        with home.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO batches")
        page.get_by_role("link", name="Try again").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
