"""The reconciliation over HTTP and as a page: the same findings, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date

import pytest
import requests
from playwright.sync_api import Browser

from orders_pipeline.base.settings import Settings
from orders_pipeline.payouts.importing import import_file
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.store.engine import open_engine
from tests.api_server import running_server
from tests.builders import StoredOrder, store_orders
from tests.e2e.browser import browser
from tests.e2e.console import problems_everywhere
from tests.import_bench import ImportBench
from tests.payout_files import STRIPE, stripe_row, write_csv

__all__ = ["browser"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[str]:
    """A server with an order of 10.00, and a report that has it with 11.00."""
    folder = tmp_path_factory.mktemp("home")
    settings = Settings(home=folder / "home", redis_url=redis_server, rate_limit=0)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, folder)
    line = ("A", 1, 100_000)
    (order,) = store_orders(engine, [StoredOrder(number="<b>1", day=date(2025, 12, 1), lines=(line,))])
    row = stripe_row("txn_1", "charge", "11.00", payment_intent_id=f"txn-{order.id}-1")
    report = write_csv(folder / "report.csv", STRIPE, [row | {"created_utc": "2025-12-01 12:00:00"}])
    import_file(bench.engine, read_file(report, UTC, None), "test")
    engine.dispose()
    with running_server(settings) as running:
        yield running


def test_the_api_tells_what_was_found_and_what_to_do(url: str) -> None:
    data = requests.get(f"{url}/api/reconciliation", timeout=30).json()["data"]
    (finding,) = data["findings"]
    assert (finding["subject"], finding["state"], finding["difference"]) == ("payment", "off", 1.0)
    assert finding["examples"][0]["order"] == "<b>1"
    assert (data["ok"], data["differences"], data["bank_until"]) == (False, {"USD": 0.0}, None)
    days = {"start_date": "2020-01-01", "end_date": "2020-01-02"}
    none = requests.get(f"{url}/api/reconciliation", params=days, timeout=30).json()["data"]
    assert (none["ok"], none["findings"], none["differences"]) == (True, [], {})
    assert requests.get(f"{url}/api/reconciliation?start_date=x", timeout=30).status_code == 422


def test_the_page_shows_the_findings_and_html_stays_text(url: str) -> None:
    page = requests.get(f"{url}/reconciliation", timeout=30)
    assert page.status_code == 200
    for text in ("Wrong amount", "The amounts differ", "order &lt;b&gt;1", "11.00"):
        assert text in page.text
    assert "<b>1" not in page.text


def test_the_page_is_accessible_on_all_screens(browser: Browser, url: str) -> None:
    assert problems_everywhere(browser, url, "/reconciliation") == {}
