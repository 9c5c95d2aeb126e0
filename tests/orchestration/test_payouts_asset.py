"""The asset `payouts`: figures by day, and checks that warn about the findings of a reconciliation."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance, Definitions, materialize

from assets.payouts import payout_assets, payout_checks
from jobs.care.payouts import REFRESH_PAYOUTS, payout_jobs
from orders_pipeline.base.settings import Settings
from orders_pipeline.payouts.importing import import_file
from orders_pipeline.payouts.reading import read_file
from resources.order_store import OrderStore
from tests.import_bench import ImportBench
from tests.made_up.payout_files import STRIPE, stripe_row, write_csv
from tests.stores import open_test_engine

DAYS = {
    "dagster/asset_partition_range_start": "2025-11-10",
    "dagster/asset_partition_range_end": "2025-11-11",
}


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    """A store with a report that contains a charge without an order, a refund, fees and a payout."""
    engine = open_test_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    paid = {"automatic_payout_id": "po_1", "automatic_payout_effective_at_utc": "2025-11-11 00:00:00"}
    rows = [
        stripe_row("txn_1", "charge", "10.00", "0.30", payment_intent_id="pi_1", **paid),
        stripe_row("txn_2", "refund", "-4.00", source_id="re_1", **paid),
        stripe_row("txn_3", "fee", "-0.50", **paid),
        stripe_row("txn_4", "charge", "7.00", "0.20", payment_intent_id="pi_2", currency="eur"),
    ]
    file = read_file(write_csv(tmp_path / "report.csv", STRIPE, rows), UTC, None)
    import_file(bench.engine, file, "test", new_account=True)
    engine.dispose()
    return {"order_store": OrderStore(f"sqlite:///{tmp_path / 'orders.db'}")}


def test_each_day_has_its_figures_after_fees(instance: DagsterInstance, resources: dict[str, Any]) -> None:
    assert materialize(payout_assets(Settings()), instance=instance, resources=resources, tags=DAYS).success
    records = instance.fetch_materializations(AssetKey("payouts"), limit=10).records
    days = {one.partition_key: one.asset_materialization for one in records}
    monday, tuesday = (days[day].metadata for day in ("2025-11-10", "2025-11-11"))  # type: ignore[union-attr]
    figures = {name: value.value for name, value in monday.items()}
    assert (figures["charges"], figures["refunds"], figures["fees"], figures["net"]) == (10.0, 4.0, 0.8, 5.2)
    assert (figures["net_EUR"], figures["payout_count"]) == (6.8, 0)
    assert (tuesday["payout_count"].value, tuesday["paid_out"].value) == (1, 5.2)


def test_its_checks_warn_of_lines_that_the_store_does_not_know(
    instance: DagsterInstance, resources: dict[str, Any]
) -> None:
    settings = Settings()
    made = Definitions(
        assets=payout_assets(settings),
        asset_checks=payout_checks(settings),
        jobs=payout_jobs(),
        resources=resources,
    )
    done = made.resolve_job_def(REFRESH_PAYOUTS).execute_in_process(instance=instance, tags=DAYS)
    assert done.success
    results = {one.check_name: one for one in done.get_asset_check_evaluations()}
    assert {name: one.passed for name, one in results.items()} == {
        "payments_are_in_the_reports": False,
        "payouts_are_sums_of_their_lines": True,
        "payouts_are_at_the_bank": False,
    }
    assert "1 payment unknown in EUR" in (results["payments_are_in_the_reports"].description or "")
