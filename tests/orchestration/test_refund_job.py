"""The job `refund_orders`: it completes all open refunds, and is launched for waiting ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    ExecuteInProcessResult,
    RunRequest,
    SkipReason,
    build_sensor_context,
)
from sqlalchemy import update

from definitions import build_definitions
from jobs.refunds.refund_orders import REFUND_ORDERS
from jobs.refunds.sensors import refund_sensors
from orders_pipeline.payments.claims import ASKED_AGAIN_AFTER_SECONDS, MICROSECONDS
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import refunds
from tests.dagster_runs import create_run, status_of
from tests.import_bench import ImportBench, many_orders
from tests.refund_bench import RefundBench, asked
from tests.servers.api_server import serving

KEY = "open sesame, open"


@pytest.fixture
def shop(tmp_path: Path, redis_url: str) -> Iterator[RefundBench]:
    """A home with ten completed orders."""
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, transaction_orders=4)
    bench.stock(MOUSE=100)
    bench.import_lines(*many_orders(10))
    yield RefundBench(bench)
    engine.dispose()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield instance


def run(shop: RefundBench, instance: DagsterInstance) -> ExecuteInProcessResult:
    job = build_definitions(shop.bench.settings).resolve_job_def(REFUND_ORDERS)
    return job.execute_in_process(instance=instance)


def metadata_of(result: ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node("refunds.summarize_refunds")
    return {name: value.value for name, value in event.metadata.items()}


def look(shop: RefundBench, instance: DagsterInstance) -> RunRequest | SkipReason:
    definitions = build_definitions(shop.bench.settings)
    sensor = definitions.resolve_sensor_def("open_refunds_sensor")
    with build_sensor_context(instance=instance, resources=definitions.resources) as context:
        return sensor(context)  # type: ignore[return-value]


def test_a_run_takes_all_open_refunds_to_their_end(shop: RefundBench, instance: DagsterInstance) -> None:
    shop.request(*(asked(f"n{number}", amount="2.50") for number in range(9)))
    result = run(shop, instance)
    assert result.success
    assert shop.statuses() == {"completed": 9}
    shown = metadata_of(result)
    assert (shown["completed"], shown["failed"], shown["refunded_USD"]) == (9, 0, 22.5)
    assert shown["by_day"].records[0].data["refunds"] == 9
    assert shop.bench.broken_checks() == set()


def test_a_run_with_nothing_to_do_succeeds(shop: RefundBench, instance: DagsterInstance) -> None:
    result = run(shop, instance)
    assert result.success
    assert metadata_of(result)["dagster/row_count"] == 0


def test_the_sensor_launches_a_run_for_refunds_that_wait(
    shop: RefundBench, instance: DagsterInstance
) -> None:
    assert isinstance(look(shop, instance), SkipReason)
    shop.request(asked("n1"))
    assert isinstance(look(shop, instance), RunRequest)
    run(shop, instance)
    assert isinstance(look(shop, instance), SkipReason)


def test_a_refund_whose_process_died_is_asked_for_again_after_a_while(
    shop: RefundBench, instance: DagsterInstance
) -> None:
    shop.request(asked("n1"))
    shop.die_before_asking()
    assert isinstance(look(shop, instance), SkipReason)
    earlier = refunds.c.asked_at - int(ASKED_AGAIN_AFTER_SECONDS * MICROSECONDS)
    with shop.bench.engine.begin() as connection:
        connection.execute(update(refunds).values(asked_at=earlier))
    assert isinstance(look(shop, instance), RunRequest)
    assert run(shop, instance).success
    assert shop.statuses() == {"completed": 1}
    assert isinstance(look(shop, instance), SkipReason)


def test_a_refund_that_the_leaderboards_do_not_show_is_published_later(
    shop: RefundBench, instance: DagsterInstance
) -> None:
    shop.refund(asked("n1"))
    with shop.bench.engine.begin() as connection:
        connection.execute(update(refunds).values(settled_at=refunds.c.settled_at - 60 * MICROSECONDS))
    assert isinstance(look(shop, instance), RunRequest)
    assert run(shop, instance).success
    assert isinstance(look(shop, instance), SkipReason)
    assert shop.bench.broken_checks() == set()


def test_a_refund_that_is_requested_over_http_is_launched_and_settled(
    shop: RefundBench, instance: DagsterInstance
) -> None:
    shop.bench.set(api_key=KEY)
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "a key"}
    with serving(shop.bench.settings) as send:
        body = {"order": "n1", "amount": "2.50", "reason": "late"}
        requested = send("/refunds", "POST", headers=headers, json=body).json()["data"]
        assert requested["status"] == "pending"
        assert isinstance(look(shop, instance), RunRequest)
        assert run(shop, instance).success
        settled = send(f"/refunds/{requested['refund_id']}").json()["data"]
    assert settled["status"] == "completed"
    assert settled["transaction_id"]
    assert isinstance(look(shop, instance), SkipReason)


def test_a_run_that_died_does_not_keep_refunds_waiting_for_ever(
    shop: RefundBench, instance: DagsterInstance
) -> None:
    shop.request(asked("n1"))
    died = create_run(instance, REFUND_ORDERS, status=DagsterRunStatus.STARTED)
    assert isinstance(look(shop, instance), SkipReason)
    (impatient,) = refund_sensors(shop.terms, silence_seconds=0)
    resources = build_definitions(shop.bench.settings).resources
    with build_sensor_context(instance=instance, resources=resources) as context:
        assert isinstance(impatient(context), RunRequest)
    assert status_of(instance, died) is DagsterRunStatus.FAILURE
