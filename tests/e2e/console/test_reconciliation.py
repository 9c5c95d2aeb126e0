"""The reconciliation over HTTP and as a page: the same findings, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser

from orders_pipeline.base.settings import Settings
from orders_pipeline.payouts.importing import import_file
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.store.engine import open_engine
from tests.e2e.browser import KEY, browser
from tests.e2e.console.tabs import problems_everywhere
from tests.import_bench import ImportBench, Line, write_orders
from tests.made_up.builders import StoredOrder, store_orders
from tests.made_up.payout_files import STRIPE, stripe_row, write_csv
from tests.servers.api_server import running_server

__all__ = ["browser"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[str]:
    """A server with an order of 10.00 that the report shows as 11.00."""
    folder = tmp_path_factory.mktemp("home")
    settings = Settings(home=folder / "home", redis_url=redis_server, rate_limit=0, api_key=KEY)
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


def test_a_report_is_sent_over_http_once_or_twice_and_its_rejected_lines_are_reported(
    url: str, tmp_path: Path
) -> None:
    rows = [stripe_row("txn_fee", "fee", "-1.00"), stripe_row("txn_bad", "fee", "-0.005")]
    report = write_csv(tmp_path / "sent.csv", STRIPE, rows)
    content = report.read_bytes()
    sent = [post(url, data=content), post(url, files={"file": content})]
    assert [one.status_code for one in sent] == [200, 200]
    outcomes = [one.json()["data"] for one in sent]
    counted = [(one["accepted"], one["duplicates"], one["rejected"]) for one in outcomes]
    assert counted == [(1, 0, 1), (0, 1, 1)]
    newest = requests.get(f"{url}/api/payouts/files", timeout=30).json()["data"][0]
    assert (newest["file_name"], newest["imported_by"]) == ("sent.csv", "key:home")
    rejects = f"{url}/api/payouts/files/{newest['id']}/rejects"
    (line,) = requests.get(rejects, timeout=30).json()["data"]
    assert (line["line"], line["code"]) == (3, "amount_invalid")
    page = requests.get(f"{url}/reconciliation/files/{newest['id']}", timeout=30)
    assert page.status_code == 200
    assert "amount_invalid" in page.text
    assert "txn_bad" in page.text
    assert requests.get(f"{url}/api/payouts/files/999/rejects", timeout=30).status_code == 404


def test_an_order_file_and_a_report_of_another_account_are_refused_with_what_to_do(
    url: str, tmp_path: Path
) -> None:
    orders = write_orders(tmp_path / "orders.csv", [Line("1")]).read_bytes()
    assert post(url, data=orders).json()["code"] == "report_unknown"
    other = [stripe_row("txn_9", "charge", "5.00", payment_intent_id="pi_of_somebody")]
    report = write_csv(tmp_path / "other.csv", STRIPE, other).read_bytes()
    refused = post(url, data=report)
    assert (refused.status_code, refused.json()["code"]) == (422, "account_other")
    assert post(url, data=report, new_account=True, dry_run=True).json()["data"]["accepted"] == 1
    headers = {"Authorization": f"Bearer {KEY}"}
    as_orders = requests.post(f"{url}/api/files?name=r.csv", data=report, headers=headers, timeout=30)
    assert (as_orders.status_code, as_orders.json()["code"]) == (422, "about_payouts")
    assert requests.post(f"{url}/api/payouts/files?name=r.csv", data=report, timeout=30).status_code == 401


def test_a_report_is_imported_from_the_page(url: str, tmp_path: Path) -> None:
    report = write_csv(tmp_path / "page.csv", STRIPE, [stripe_row("txn_page", "fee", "-2.00")])
    address, headers = f"{url}/actions/payout-file", {"Authorization": f"Bearer {KEY}"}
    assert "Report or statement" in requests.get(address, headers=headers, timeout=30).text
    with report.open("rb") as file:
        done = requests.post(address, files={"file": file}, headers=headers, timeout=30)
    assert done.status_code == 200
    assert "1 new" in done.text
    assert requests.post(address, files={"other": b""}, headers=headers, timeout=30).status_code == 422
    assert "page.csv" in requests.get(f"{url}/reconciliation", timeout=30).text


def post(url: str, **sent: Any) -> requests.Response:
    asked = {name: sent.pop(name) for name in ("new_account", "dry_run") if name in sent}
    headers = {"Authorization": f"Bearer {KEY}"}
    address = f"{url}/api/payouts/files"
    return requests.post(address, params={"name": "sent.csv", **asked}, headers=headers, timeout=30, **sent)


@pytest.mark.parametrize("path", ["/reconciliation", "/reconciliation/files/1", "/actions/payout-file"])
def test_the_page_is_accessible_on_all_screens(browser: Browser, url: str, path: str) -> None:
    assert problems_everywhere(browser, url, path) == {}
