"""The console's frame in a real browser: components, navigation, errors, and the state of the system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.intake import pause_intake, resume_intake
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, Condition
from orders_pipeline.monitoring.alerts.alerting import keep_alerts
from orders_pipeline.store.engine import open_engine
from tests.e2e.browser import browser
from tests.e2e.console.tabs import PHONE, problems, problems_everywhere, tab
from tests.servers.api_server import running_server
from tests.stores import prepare_store

__all__ = ["browser"]


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, rate_limit=0)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_engine(settings.store_url)
    prepare_store(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def url(settings: Settings, engine: Engine) -> Iterator[str]:
    assert engine.url.database
    with running_server(settings) as address:
        yield address


def test_every_component_passes_axe_and_fits_a_phone(browser: Browser, url: str) -> None:
    assert problems_everywhere(browser, url, "/design") == {}


def test_keyboard_alone_reaches_search_sections_and_content(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        page.goto("/design")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
    with tab(browser, url, PHONE) as page:
        page.goto("/design")
        expect(page.get_by_role("link", name="Settings")).to_be_hidden()
        page.get_by_role("button", name="Menu").press("Enter")
        expect(page.get_by_role("link", name="Settings")).to_be_visible()
        assert problems(page) == []


def test_an_error_is_a_page_for_people_and_json_for_programs(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        answered = page.goto("/no-such-page")
        assert answered
        assert answered.status == 404
        expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()
        assert problems(page) == []
        document = page.request.get("/api/orders/none-such").json()
        assert document == {"success": False, "message": "There is no such order."}


def test_an_open_page_reconnects_after_an_error_response(browser: Browser, url: str) -> None:
    with tab(browser, url) as page:
        page.clock.install()
        page.route("**/live", lambda route: route.fulfill(status=502))
        with page.expect_response(lambda one: one.request.method == "HEAD"):
            page.goto("/design")
        offline = page.get_by_text("The server does not answer.")
        expect(offline).to_be_visible()
        page.unroute("**/live")
        page.clock.fast_forward(60_000)
        expect(offline).to_be_hidden()


def test_the_header_of_an_open_page_shows_alerts_and_a_paused_intake(
    browser: Browser, url: str, engine: Engine
) -> None:
    with tab(browser, url) as page:
        page.goto("/design")
        state = page.locator("[data-live=header]")
        expect(state).to_contain_text("All services answer")
        keep_alerts(engine, {AlertName.WAITING_TOO_LONG: [Condition("orders", "7 wait.")]}, now_us(), 0)
        with engine.begin() as connection:
            pause_intake(connection, "cli:ada", "<b>stocktaking</b>")
        expect(state).to_contain_text("1 alert")
        expect(state.get_by_title("<b>stocktaking</b>")).to_contain_text("Intake paused")
        assert problems(page) == []
        with engine.begin() as connection:
            resume_intake(connection, "cli:ada")
        expect(state).not_to_contain_text("Intake paused")
