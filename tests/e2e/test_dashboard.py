"""The dashboard in a real browser: what it shows, that it moves by itself, that it is usable everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from sqlalchemy import insert, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.monitoring.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerting import keep_alerts
from orders_pipeline.monitoring.snapshots import take_snapshot
from orders_pipeline.store.schema import rejects, snapshots
from tests.api_server import running_server
from tests.builders import StoredOrder, store_orders
from tests.e2e.browser import browser
from tests.e2e.orders_command import orders_process
from tests.figures import open_home
from tests.integration.test_kpis import TUESDAY, sample

PATIENCE_MS = 20_000
DAY_US = 86_400_000_000
__all__ = ["browser"]
SAMPLE = PROJECT_ROOT / "data" / "sample.csv"


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
    """Address of the dashboard of the home."""
    assert home.currency == settings.currency
    with running_server(settings) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A tab whose console must stay free of errors."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
    opened, errors = context.new_page(), list[str]()

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield opened
    context.close()
    assert errors == []


def test_an_empty_home_says_what_to_do(home: PublishedFigures, page: Page) -> None:
    assert home.kpis.all_days() == []
    page.goto("/dashboard")
    expect(page.get_by_role("status")).to_contain_text("Live")
    expect(page.locator("#no-days")).to_be_visible()
    expect(page.locator("#customers")).to_contain_text("No completed orders yet")
    expect(page.locator("#files")).to_contain_text("No order files yet")
    expect(page.locator("#no-hours")).to_be_visible()
    expect(page.locator("#charts")).to_be_hidden()


def test_the_numbers_move_by_themselves_while_orders_come_in(
    home: PublishedFigures, page: Page, tmp_path: Path
) -> None:
    page.goto("/dashboard")
    expect(page.get_by_role("status")).to_contain_text("Live")
    store_orders(home.engine, sample())
    home.refresh_dirty_days()
    home.publish_batch(Window(1, 10))
    expect(page.locator("#customers tr").first).to_contain_text("259.98")
    expect(page.locator("#products tr").first).to_contain_text("SKU-002")
    expect(page.locator("#revenue-chart canvas")).to_be_visible()
    lines = (("SKU-9", 70, 70_000_000),)
    late = StoredOrder(number="late", day=TUESDAY, customer_id="new", lines=lines, settled_at=now_us())
    waiting = StoredOrder(number="waiting", day=TUESDAY, lines=lines, status=OrderStatus.PENDING)
    store_orders(home.engine, [late, waiting])
    home.publish_batch(Window(11, 12))
    expect(page.locator("#customers tr").first).to_contain_text("7,000.00")
    expect(page.locator("#cards")).to_contain_text("7,000.00")
    page.screenshot(path=tmp_path / "dashboard.png", full_page=True)
    assert (tmp_path / "dashboard.png").stat().st_size > 10_000


def test_rejected_lines_open_in_a_dialog(home: PublishedFigures, page: Page) -> None:
    store_orders(home.engine, sample())
    add_reject(home)
    page.goto("/dashboard")
    page.get_by_role("button", name="1 rejected lines").click()
    expect(page.get_by_role("dialog")).to_contain_text("Quantity is -1.")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_file_imported_by_the_command_moves_the_numbers_of_the_page(
    settings: Settings, page: Page, tmp_path: Path
) -> None:
    page.goto("/dashboard")
    expect(page.locator("#cards")).to_contain_text("0.00")
    page.evaluate("document.body.dataset.opened = 'once'")
    done = orders_process(settings, "import", SAMPLE, "--json")
    assert done.code == 0, done.err
    expect(page.locator("#cards")).to_contain_text("1,065.43")
    expect(page.locator("#files li").first).to_contain_text("sample.csv")
    expect(page.locator("#files li").first).to_contain_text("10 completed")
    expect(page.locator("#customers tr").first).to_contain_text("David Johnson")
    expect(page.locator("#revenue-chart")).to_have_attribute("aria-label", re.compile(r"2025-11-11: 579\.47"))
    # It was never loaded again.
    expect(page.locator("body")).to_have_attribute("data-opened", "once")
    page.screenshot(path=tmp_path / "imported.png", full_page=True)
    assert (tmp_path / "imported.png").stat().st_size > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_names_contrast_and_structure_pass_axe(
    home: PublishedFigures, page: Page, scheme: str, width: int
) -> None:
    store_orders(home.engine, sample())
    home.refresh_dirty_days()
    home.publish_batch(Window(1, 10))
    add_reject(home)
    take_snapshot(home.engine, {"orders": 3})
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/dashboard")
    expect(page.locator("#waiting-chart")).to_have_attribute("aria-label", re.compile("last: 3"))
    expect(page.locator("#orders-chart canvas")).to_be_visible()
    assert problems(page) == []
    page.get_by_role("button", name="1 rejected lines").click()
    expect(page.locator("#rejected tr")).to_have_count(1)
    assert problems(page) == []


def test_open_alerts_come_and_go_and_the_queues_of_a_week_can_be_seen(
    home: PublishedFigures, page: Page
) -> None:
    take_snapshot(home.engine, {"orders": 3, "dagster": 2})
    with home.engine.begin() as connection:
        connection.execute(update(snapshots).values(taken_at=snapshots.c.taken_at - 3 * DAY_US))
    take_snapshot(home.engine, {"orders": 7, "dagster": 1})
    page.goto("/dashboard")
    expect(page.locator("#waiting-chart")).to_have_attribute("aria-label", re.compile("24 hours; last: 8"))
    expect(page.locator("#alerts")).to_be_hidden()
    raised = {AlertName.WAITING_TOO_LONG: [Condition("orders", "7 tasks wait.")]}
    keep_alerts(home.engine, raised, now_us(), 0)
    expect(page.locator("#alerts")).to_contain_text("waiting too long (orders)")
    page.get_by_label("Show the last").select_option("7 days")
    expect(page.locator("#waiting-chart")).to_have_attribute("aria-label", re.compile("7 days; last: 8"))
    assert problems(page) == []
    keep_alerts(home.engine, {AlertName.WAITING_TOO_LONG: []}, now_us(), 0)
    expect(page.locator("#alerts")).to_be_hidden()


def problems(page: Page) -> list[str]:
    """What axe finds wrong, with the elements."""
    answer = Axe().run(page).response
    assert "color-contrast" in {rule["id"] for rule in answer["passes"]}
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in answer["violations"]]


def add_reject(home: PublishedFigures) -> None:
    """One rejected line of the first file."""
    texts = {"code": "quantity_not_positive", "message": "Quantity is -1.", "hint": "Mend it.", "raw": "x"}
    with home.engine.begin() as connection:
        connection.execute(insert(rejects).values(import_id=1, record=1, line=2, **texts))
        connection.exec_driver_sql("UPDATE imports SET rejected_lines = 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(home: PublishedFigures, page: Page, scheme: str) -> None:
    store_orders(home.engine, sample())
    home.refresh_dirty_days()
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/dashboard")
    expect(page.locator("#orders-chart canvas")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert width <= 360
    assert ground == {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 19, 23)"}[scheme]


def test_a_store_that_fails_is_told_and_comes_back(home: PublishedFigures, page: Page) -> None:
    page.goto("/dashboard")
    expect(page.get_by_role("status")).to_contain_text("Live")
    with home.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE batches RENAME TO gone")
    expect(page.get_by_role("status")).to_contain_text("does not answer")
    with home.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO batches")
    expect(page.get_by_role("status")).to_contain_text("Live")
