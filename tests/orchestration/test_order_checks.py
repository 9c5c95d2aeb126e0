"""The invariants of the order store as the nightly job checks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy import update

from definitions import build_definitions
from jobs.care.checks import CHECK_EVERYTHING
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import products
from orders_pipeline.verify.store_checks import store_checks
from tests.import_bench import ImportBench, Line


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    """A home that has imported an order."""
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url)
    bench.import_lines(Line("1"))
    engine.dispose()
    return bench.settings


def checked(settings: Settings) -> dict[str, bool]:
    """Whether each check of `order_store` passes."""
    with DagsterInstance.ephemeral() as instance:
        job = build_definitions(settings).resolve_job_def(CHECK_EVERYTHING)
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    found = result.get_asset_check_evaluations()
    return {one.check_name: one.passed for one in found if one.asset_key.to_user_string() == "order_store"}


def test_every_invariant_is_checked_and_one_that_is_broken_is_reported(settings: Settings) -> None:
    assert checked(settings) == dict.fromkeys(store_checks(), True)
    engine = open_engine(settings.store_url)
    with engine.begin() as connection:
        # The constraints of the table hold, but according to the orders, one unit more was sold.
        connection.execute(update(products).values(on_hand=products.c.on_hand - 1, sold=products.c.sold + 1))
    engine.dispose()
    assert [name for name, passed in checked(settings).items() if not passed] == ["stock_is_conserved"]
