"""Operations and reports in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import EventType, Window
from orders_pipeline.base.settings import Settings
from orders_pipeline.events.endpoints import add_endpoint
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.alerting import keep_alerts
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.store.schema import snapshots
from tests.e2e.browser import browser
from tests.e2e.console.tabs import problems, problems_everywhere, tab
from tests.figures import open_home
from tests.integration.figures.test_kpis import TUESDAY, sample
from tests.made_up.builders import StoredOrder, store_orders
from tests.servers.api_server import running_server

__all__ = ["browser"]
KEY = "open sesame, open"
DAY_US = 86_400_000_000


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=0, api_key=KEY)


@pytest.fixture
def home(settings: Settings) -> Iterator[PublishedFigures]:
    with open_home(settings.store_url, settings.redis_url, settings.warehouse) as figures:
        yield figures


@pytest.fixture
def url(settings: Settings, home: PublishedFigures) -> Iterator[str]:
    assert home.currency == settings.currency
    with running_server(settings) as address:
        yield address


def test_operations_show_alerts_with_their_runbook_and_pause_the_intake(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    take_snapshot(home.engine, {"orders": 3, "dagster": 2})
    with home.engine.begin() as connection:
        connection.execute(update(snapshots).values(taken_at=snapshots.c.taken_at - 3 * DAY_US))
        add_endpoint(connection, "https://example.com/<b>hook</b>", [EventType.ORDER_COMPLETED])
    take_snapshot(home.engine, {"orders": 7, "dagster": 1})
    waits = {AlertName.WAITING_TOO_LONG: [Condition("orders", "<b>7</b> tasks wait.")]}
    keep_alerts(home.engine, waits, now_us(), 0)
    assert problems_everywhere(browser, url, "/operations") == {}
    with tab(browser, url) as page:
        page.set_extra_http_headers({"Authorization": f"Bearer {KEY}"})
        page.goto("/operations")
        alerts = page.locator("#alerts")
        expect(alerts).to_contain_text("<b>7</b> tasks wait.")
        alerts.get_by_text("What to do").click()
        expect(alerts).to_contain_text("The first task of a queue has waited longer than")
        expect(page.locator("#waiting").get_by_role("img")).to_have_attribute(
            "aria-label", "Tasks waiting: 8"
        )
        page.get_by_role("link", name="7 days").click()
        page.locator("#waiting summary").click()
        expect(page.locator("#waiting").get_by_role("row")).to_have_count(3)
        expect(page.locator("#workers")).to_contain_text("No worker has sent a heartbeat")
        expect(page.locator("#services")).to_contain_text("The order store answers.")
        expect(page.locator("#webhooks")).to_contain_text("https://example.com/<b>hook</b>")
        page.get_by_role("link", name="Pause the intake").click()
        page.get_by_label("Reason, shown to whoever sends files").fill("stocktaking")
        assert problems(page) == []
        page.get_by_role("dialog").get_by_role("button", name="Pause the intake").click()
        page.get_by_role("link", name="Done").click()
        expect(page.locator("#intake")).to_contain_text("Paused by key:home: stocktaking")
        expect(page.locator("[data-live=header]")).to_contain_text("Intake paused")
        page.get_by_role("link", name="Resume the intake").click()
        page.get_by_role("dialog").get_by_role("button", name="Resume the intake").click()
        page.get_by_role("link", name="Done").click()
        expect(page.locator("#intake")).to_contain_text("New files are imported as they arrive.")


def test_cohorts_show_who_came_back(browser: Browser, url: str, home: PublishedFigures) -> None:
    with tab(browser, url) as page:
        page.goto("/reports/cohorts")
        expect(page.get_by_role("heading", name="No cohorts yet")).to_be_visible()
        lines = (("SKU-1", 1, 100_000),)
        bought = ((TUESDAY, "c1"), (TUESDAY, "c2"), (TUESDAY + timedelta(days=31), "c1"))
        found = [
            StoredOrder(number=f"{at}", day=day, customer_id=customer, lines=lines)
            for at, (day, customer) in enumerate(bought)
        ]
        store_orders(home.engine, found)
        home.refresh_dirty_days()
        home.update_tables()
        page.goto("/reports")
        page.get_by_role("link", name="Cohorts").click()
        row = page.get_by_role("row", name="Nov 2025")
        expect(row.get_by_role("cell")).to_have_text(["2", "100 %", "50 %"])
        page.get_by_role("link", name="Revenue").click()
        expect(row.get_by_role("cell")).to_have_text(["2", "20.00", "10.00"])
    assert problems_everywhere(browser, url, "/reports/cohorts") == {}


def test_reports_add_up_days_weeks_and_months_and_lead_to_lists(
    browser: Browser, url: str, home: PublishedFigures
) -> None:
    store_orders(home.engine, sample())
    home.refresh_dirty_days()
    home.publish_batch(Window(1, 10))
    path = "/reports?start_date=2025-11-10&end_date=2025-11-11"
    assert problems_everywhere(browser, url, path) == {}
    with tab(browser, url) as page:
        page.goto(path)
        expect(page.locator("#sums")).to_contain_text("1,065.43")
        expect(page.locator("#figures").get_by_role("row")).to_have_count(3)
        page.get_by_role("link", name="Month", exact=True).click()
        expect(page.locator("#figures").get_by_role("row")).to_have_count(2)
        expect(page.locator("#figures")).to_contain_text("1,065.43")
        page.get_by_role("link", name="By units").click()
        expect(page.locator("#products")).to_contain_text("SKU-002")
        for board in ("#customers", "#products"):
            count = page.locator(board).get_by_role("row").nth(1).get_by_role("link").nth(1)
            assert "status=completed" in str(count.get_attribute("href"))
        page.locator("#figures").get_by_role("row").nth(1).get_by_role("link").nth(1).click()
        page.wait_for_url("**/orders?status=completed&start_date=2025-11-10&end_date=2025-11-11&currency=USD")
        expect(page.locator("table .badge").first).to_have_text("Completed")
