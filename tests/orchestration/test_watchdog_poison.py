"""A batch or file that always kills its worker: retries are limited, and the failure is reported."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance
from sqlalchemy import select

from definitions import build_definitions
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.failed_work.stalled import retry_stalled
from orders_pipeline.imports.import_row import get_import, imports_to_watch
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.imports.state.tries import MOST_TRIES, PoisonBatchError, counted_parsing, counted_try
from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches
from tests.import_bench import RUN, ImportBench, many_orders


@pytest.fixture
def bench(bench: ImportBench) -> ImportBench:
    """A home whose files have several batches."""
    bench.set(batch_lines=10)
    return bench


def import_id(bench: ImportBench, key: str) -> int:
    with reading(bench.engine) as connection:
        return get_import(connection, key).id


def poison(bench: ImportBench, key: str, number: int) -> None:
    """Leaves the batch as workers that died on it would: its tries were begun and never ended."""
    for _ in range(MOST_TRIES):
        counted_try(bench.engine, BatchKey(import_id(bench, key), number)).__enter__()


def test_a_batch_that_killed_its_workers_is_not_tried_again_and_says_so(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(20))
    poison(bench, key, 1)
    for _ in range(3):
        with pytest.raises(PoisonBatchError, match="batch 1 killed its worker 8 times"):
            bench.step("load", key)


def test_fewer_deaths_are_forgiven_once_a_step_ends_well(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(20))
    for step in ("load", "reserve", "charge"):
        for _ in range(MOST_TRIES - 1):
            counted_try(bench.engine, BatchKey(import_id(bench, key), 1)).__enter__()
        bench.step(step, key)
    assert bench.settle(key).orders["accepted"] == 20


def test_errors_are_no_deaths(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(5))
    batch = BatchKey(import_id(bench, key), 1)
    for _ in range(2 * MOST_TRIES):
        with pytest.raises(ConnectionError), counted_try(bench.engine, batch):
            raise ConnectionError("the store was away")
    assert bench.settle(key).orders["accepted"] == 5


def test_the_other_batches_settle_and_the_run_says_what_happened(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(40)))
    numbers = bench.steps.parse(key, RUN)
    poison(bench, key, numbers[0])
    job = build_definitions(bench.settings).resolve_job_def(IMPORT_ORDERS)
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("order_files", [key])
        run = job.execute_in_process(instance=instance, partition_key=key, raise_on_error=False)
    assert not run.success
    (failed,) = [event for event in run.all_events if event.is_step_failure]
    assert "killed its worker 8 times" in str(failed.event_specific_data)
    settled = {row[1]: row[2] for row in batches_settled(bench)}
    assert [number for number in numbers if not settled[number]] == [numbers[0]]
    with reading(bench.engine) as connection:
        assert get_import(connection, key).status is ImportStatus.RUNNING
    assert bench.broken_checks() == set()


def kill_while_parsed(bench: ImportBench, key: str, times: int = MOST_TRIES) -> None:
    """Leaves the import as workers that died while parsing its file would."""
    for _ in range(times):
        counted_parsing(bench.engine, bench.found(key)).__enter__()


def test_a_file_that_killed_its_workers_is_refused_and_a_person_may_try_it_again(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(20)))
    kill_while_parsed(bench, key)
    for _ in range(2):
        with pytest.raises(FileRefused, match="killed its worker process 8 times"):
            bench.steps.parse(key, RUN)
    assert (bench.found(key).status, bench.found(key).refused_code) == (ImportStatus.REFUSED, "kills_worker")
    with reading(bench.engine) as connection:
        (listed,) = failed_work(connection, Wanted(kind=Kind.IMPORTS), limit=9)["imports"]
        assert imports_to_watch(connection, [key], new_too=True) == []
    assert (listed["partition"], listed["code"]) == (key, "kills_worker")
    assert "See the worker's log" in listed["message"]
    bench.steps.parse(key, "another run")
    assert bench.settle(key).orders["accepted"] == 20


def test_fewer_deaths_while_a_file_is_parsed_are_forgiven_once_it_is_parsed(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(20)))
    for _ in range(2):
        kill_while_parsed(bench, key, MOST_TRIES - 1)
        bench.steps.parse(key, RUN)
    assert bench.settle(key).orders["accepted"] == 20


def test_an_import_that_kills_its_workers_while_its_batches_are_made_again_goes_on_once_retried(
    bench: ImportBench,
) -> None:
    key = bench.parsed(*many_orders(20))
    kill_while_parsed(bench, key)
    with pytest.raises(FileRefused):
        bench.steps.parse(key, RUN)
    assert bench.found(key).status is ImportStatus.RUNNING
    with bench.engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "no progress")
    assert retry_stalled(bench.engine, [key], "cli:ada") == [key]
    assert bench.settle(key).orders["accepted"] == 20


def batches_settled(bench: ImportBench) -> list[tuple[int, int, bool]]:
    """Import and number of each batch, and whether all of its orders were settled."""
    ended = batches.c.completed + batches.c.rollback + batches.c.failed == batches.c.orders
    with reading(bench.engine) as connection:
        rows = connection.execute(select(batches.c.import_id, batches.c.number, ended)).all()
    return [(row[0], row[1], bool(row[2])) for row in rows]
