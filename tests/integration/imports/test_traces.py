"""Traces of imports as a collector receives them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orders_pipeline.base.telemetry.tracing import start_tracing, stop_tracing
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.imports.small_files import SmallFiles
from orders_pipeline.imports.state.step_failures import Step
from orders_pipeline.imports.state.traced_steps import traced_step
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from tests.import_bench import RUN, ImportBench, many_orders, write_orders
from tests.servers.collector import Collector, collecting
from tests.stores import open_test_engine

STEPS = {"parse_order_file", "load_orders", "reserve_stock", "charge_payments", "finalize_orders"}
NOT_STEPS = {"import", "charge", "read the store", "write the store"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        start_tracing(found.url)
        yield found
        stop_tracing()


@pytest.fixture
def traced_bench(collector: Collector, store_url: str, tmp_path: Path) -> Iterator[ImportBench]:
    """A store that was opened while traces are collected."""
    assert collector.url
    engine = open_test_engine(store_url)
    yield ImportBench.at(engine, tmp_path)
    engine.dispose()


def import_files(bench: ImportBench, *names: str, run: str = RUN) -> list[str]:
    keys = [
        bench.stage(write_orders(bench.folder / f"{name}.csv", many_orders(5, f"{name}-"))) for name in names
    ]
    import_again(bench, keys, run)
    return keys


def import_again(bench: ImportBench, keys: list[str], run: str) -> None:
    gateway = SimulatedGateway("a seed", 0.6, 0, 0)
    files = SmallFiles(replace(bench.steps, counts_tries=False), run, gateway)
    assert len(list(files.import_all(keys))) == len(keys)


def test_each_import_has_a_trace_with_its_steps_its_transactions_and_its_charges(
    collector: Collector, traced_bench: ImportBench
) -> None:
    import_files(traced_bench, "a", "b")
    stop_tracing()
    assert len(collector.named("import")) == 2
    for root in collector.named("import"):
        spans = [one for one in collector.spans if one.trace == root.trace]
        steps = [one for one in spans if one.parent == root.id and one.name not in NOT_STEPS]
        assert {one.name for one in steps} >= STEPS
        assert {one.attributes["orders.import"] for one in steps} == {root.attributes["orders.import"]}
        assert {one.parent for one in spans if one.name == "write the store"} <= {one.id for one in steps}
        name = str(root.attributes["orders.import"])[0]
        charges = {str(one.attributes["orders.number"]): one for one in spans if one.name == "charge"}
        assert set(charges) == {f"{name}-{n}" for n in range(5)}
        assert root.attributes["orders.accepted"] == 5


def test_an_orders_charge_is_found_by_its_number(collector: Collector, traced_bench: ImportBench) -> None:
    import_files(traced_bench, "a")
    stop_tracing()
    statuses = traced_bench.statuses()
    assert set(statuses.values()) == {"completed", "rollback"}
    for number, status in statuses.items():
        (charge,) = [one for one in collector.named("charge") if one.attributes["orders.number"] == number]
        paid = charge.attributes["orders.outcome"] == "paid"
        assert paid == (status == "completed")
        assert ("orders.transaction_id" in charge.attributes, bool(charge.failed)) == (paid, not paid)


def test_a_retry_is_in_the_trace_of_its_import(collector: Collector, traced_bench: ImportBench) -> None:
    keys = import_files(traced_bench, "a")
    retry_orders(traced_bench.engine, Chosen(), 1000, "cli:ada")
    import_again(traced_bench, keys, "another run")
    stop_tracing()
    assert len(collector.named("import")) == 1
    assert len({one.trace for one in collector.spans}) == 1
    assert {one.attributes["orders.attempt"] for one in collector.named("charge")} == {1, 2}


def test_a_step_that_fails_shows_the_class_of_its_error_and_no_message(
    collector: Collector, traced_bench: ImportBench
) -> None:
    key = traced_bench.stage(traced_bench.write(*many_orders(1)))
    with (
        pytest.raises(ValueError, match="row"),
        traced_step(traced_bench.engine, Step(key, "load_orders", RUN, 7), time.time() - 2),
    ):
        raise ValueError("a row with c342@example.com")
    stop_tracing()
    waited, step = collector.named("load_orders waits in the queue"), collector.named("load_orders")
    assert (step[0].failed, step[0].attributes["orders.batch"]) == ("ValueError", 7)
    assert 2e9 <= waited[0].ended - waited[0].began < 60e9
    assert waited[0].ended <= step[0].began


def test_a_collector_that_is_away_holds_up_nothing(store_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start_tracing(f"http://127.0.0.1:{silent.getsockname()[1]}")
        engine = open_test_engine(store_url)
        bench = ImportBench.at(engine, tmp_path)
        began = time.monotonic()
        import_files(bench, "a")
        assert time.monotonic() - began < 5
        engine.dispose()
    stop_tracing()
