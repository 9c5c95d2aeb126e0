"""The Dagster UI in a real browser: a person materializes a staged file and sees the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cli.stack.stack import start_all, stop_all, webserver_url
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.e2e.browser import browser
from tests.e2e.orders_command import orders
from tests.services import free_port

PATIENCE_MS = 90_000
__all__ = ["browser"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    paid_at_once = {"payment_success_rate": 1, "payment_delay_min": 0, "payment_delay_max": 0}
    ports = {name: free_port() for name in ("webserver_port", "api_port")}
    return Settings(home=tmp_path / "home", worker_processes=1, **paid_at_once, **ports)


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """Address of the Dagster UI of a running home."""
    start_all(settings)
    yield webserver_url(settings)
    stop_all(settings)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A tab whose browser console must have no errors."""
    context = browser.new_context(base_url=address, viewport={"width": 1400, "height": 900})
    opened, errors = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield opened
    context.close()
    assert errors == []


@pytest.mark.timeout(600)
def test_a_person_materializes_a_staged_file(settings: Settings, page: Page) -> None:
    sample = PROJECT_ROOT / "data" / "sample.csv"
    key = orders(settings, "stage", str(sample), "--json").document["partition"]
    page.goto("/assets/orders")
    page.get_by_role("button", name="Materialize").first.click()
    # The rejected lines of the file are materialized with its orders.
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Launch 1 run").click()
    # Leaving the page earlier would abort the request that launches the run.
    expect(page.get_by_text("Launched run")).to_be_visible()
    page.goto("/runs")
    expect(page.get_by_text("Success").first).to_be_visible()
    page.goto(f"/assets/orders?view=partitions&partition={key}")
    expect(page.get_by_text("revenue_USD")).to_be_visible()
    expect(page.get_by_text("1,065.43").or_(page.get_by_text("1065.43")).first).to_be_visible()
    expect(page.get_by_text("accepted_lines")).to_be_visible()
    assert "John Doe" not in page.content()
    # The run was forked from a process that had loaded the definitions.
    logs = (settings.home / "logs").glob("code-server*")
    assert "fork" not in "".join(log.read_text() for log in logs)
