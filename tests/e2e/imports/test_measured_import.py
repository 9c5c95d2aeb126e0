"""A real import, its worker and its payments are measured and traced."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.monitoring.metrics.tallies import (
    CHARGE_SECONDS,
    CHARGES,
    STEP_SECONDS,
    STEPS,
    Series,
    Tallies,
)
from orders_pipeline.monitoring.workers import workers_there
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.identity import store_id
from tests.e2e.orders_command import orders_process
from tests.servers.collector import Collector, collecting

STEPS_OF_A_BATCH = {"load_orders", "reserve_stock", "charge_payments", "finalize_orders", "roll_back_orders"}
STEPS_OF_A_FILE = {"parse_order_file", "summarize_import"}


def test_steps_and_charges_of_an_import_are_counted_and_traced_and_its_worker_signs_off(
    tmp_path: Path, redis_url: str
) -> None:
    delays = {"payment_success_rate": 1, "payment_delay_min": 0.01, "payment_delay_max": 0.02}
    with collecting() as collector:
        settings = Settings(
            home=tmp_path, redis_url=redis_url, worker_processes=1, traces_url=collector.url, **delays
        )
        done = orders_process(settings, "import", PROJECT_ROOT / "data" / "sample.csv", "--json")
    assert done.code == 0, done.err
    engine = open_engine(settings.store_url)
    with closing(open_redis(redis_url)) as client:
        measured = list(Tallies(client, store_id(engine)).read())
        assert workers_there(client) == []
    engine.dispose()
    succeeded = {one.labels for one in of(measured, STEPS.name)}
    assert succeeded == {(step, "success") for step in STEPS_OF_A_BATCH | STEPS_OF_A_FILE}
    queues = dict(one.labels for one in of(measured, STEP_SECONDS.name))
    assert {step for step, queue in queues.items() if queue == "orders"} == STEPS_OF_A_BATCH
    assert {step for step, queue in queues.items() if queue == "dagster"} == STEPS_OF_A_FILE
    paid = [one.number for one in of(measured, CHARGES.name) if one.labels == ("paid",)]
    (seconds,) = of(measured, CHARGE_SECONDS.name)
    assert (paid, seconds.number) == ([10], 10)
    assert 0.1 <= seconds.parts["sum"] < 10
    assert_is_one_trace(collector)


def assert_is_one_trace(collector: Collector) -> None:
    (root,) = collector.named("import")
    assert {one.trace for one in collector.spans} == {root.trace}
    of_import = {one.name for one in collector.spans if one.parent == root.id}
    steps = STEPS_OF_A_BATCH | STEPS_OF_A_FILE
    assert of_import == steps | {f"{step} waits in the queue" for step in steps} | {"run starts"}
    assert len({one.attributes["orders.number"] for one in collector.named("charge")}) == 10


def of(measured: list[Series], name: str) -> list[Series]:
    """The series of a metric."""
    return [one for one in measured if one.measure.name == name]
