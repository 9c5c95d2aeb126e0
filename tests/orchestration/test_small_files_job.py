"""The job `import_small_files`: the real Dagster graph and stores, its steps executed in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterEventType, DagsterInstance, ExecuteInProcessResult, RetryPolicy

from definitions import build_definitions
from jobs.imports.partitions import ORDER_FILES
from jobs.imports.runs import small_files
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.small_files import IMPORT_SMALL_FILES, shared_run
from orders_pipeline.base.model import ImportStatus
from tests.import_bench import ImportBench, Line, many_orders, write_orders
from tests.servers.gateway_server import running_gateway
from tests.stores import open_test_engine

BOTH_ASSETS = {"orders", "rejected_order_rows"}


@dataclass(slots=True)
class Home:
    """A home and its Dagster instance."""

    bench: ImportBench
    instance: DagsterInstance

    def run(self, keys: list[str]) -> ExecuteInProcessResult:
        """Runs the job for these files, whatever the outcome."""
        job = build_definitions(self.bench.settings).resolve_job_def(IMPORT_SMALL_FILES)
        return job.execute_in_process(
            instance=self.instance, run_config=dict(shared_run(keys).run_config or {}), raise_on_error=False
        )

    def stage(self, count: int) -> list[str]:
        """Keys of this number of files with two orders each."""
        lines = [many_orders(2, f"f{number}-") for number in range(count)]
        files = [write_orders(self.bench.folder / f"f{at}.csv", lines[at]) for at in range(count)]
        return [self.bench.stage(file) for file in files]


@pytest.fixture
def home(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(small_files, "FILES_A_STEP", 2)
    monkeypatch.setattr(RetryPolicy, "calculate_delay", lambda _policy, _attempt: 0)
    engine = open_test_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url)
    with DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Home(bench, instance)
    engine.dispose()


def materialized(result: ExecuteInProcessResult) -> dict[tuple[str, str], dict[str, Any]]:
    """Metadata of each materialization of the assets of an import, by asset and partition."""
    found = [
        event
        for event in result.all_events
        if event.event_type is DagsterEventType.ASSET_MATERIALIZATION
        and str(event.asset_key and event.asset_key.to_user_string()) in BOTH_ASSETS
    ]
    return {
        (str(one.asset_key and one.asset_key.to_user_string()), str(one.partition)): {
            name: value.value for name, value in one.materialization.metadata.items()
        }
        for one in found
    }


def error_of(result: ExecuteInProcessResult) -> str:
    return " ".join(
        str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure
    )


def test_each_file_is_a_partition_with_the_report_of_a_run_of_its_own(home: Home) -> None:
    keys = home.stage(5)
    result = home.run(keys)
    assert result.success
    shown = materialized(result)
    assert set(shown) == {(asset, key) for asset in BOTH_ASSETS for key in keys}
    assert set(home.instance.get_dynamic_partitions(ORDER_FILES)) == set(keys)
    assert {home.bench.found(key).run_id for key in keys} == {result.run_id}
    alone = build_definitions(home.bench.settings).resolve_job_def(IMPORT_ORDERS)
    again = materialized(alone.execute_in_process(instance=home.instance, partition_key=keys[0]))
    for asset in BOTH_ASSETS:
        assert shown[asset, keys[0]] == again[asset, keys[0]]
    assert home.bench.broken_checks() == set()


def test_a_refused_file_fails_the_run_and_no_other_file(home: Home) -> None:
    keys = home.stage(3)
    (home.bench.staged(keys[1]) / "original").write_text("other content")
    result = home.run(keys)
    assert not result.success
    assert f"1 of 3 files were refused: {keys[1]} (staged_file_damaged)" in error_of(result)
    assert {key for _, key in materialized(result)} == {keys[0], keys[2]}
    assert home.bench.broken_checks() == set()


def test_a_key_under_which_nothing_is_staged_fails_the_run_before_any_file_is_begun(home: Home) -> None:
    keys = home.stage(2)
    result = home.run([*keys, "unknown"])
    assert not result.success
    assert "no order file is staged as 'unknown'" in error_of(result)
    assert {home.bench.found(key).status for key in keys} == {ImportStatus.STAGED}
    assert home.instance.get_dynamic_partitions(ORDER_FILES) == []


def test_no_file_is_begun_while_the_gateway_is_away(home: Home, tmp_path: Path) -> None:
    keys = home.stage(2)
    with running_gateway(tmp_path / "gateway") as gateway:
        home.bench.set(payment_url=gateway.url)
        gateway.kill()
        result = home.run(keys)
        assert not result.success
        assert "the payment gateway does not answer" in error_of(result)
        assert {home.bench.found(key).status for key in keys} == {ImportStatus.STAGED}
        gateway.start()
        assert home.run(keys).success
        assert home.bench.broken_checks() == set()


def test_files_without_orders_and_files_of_several_batches_share_a_run(home: Home) -> None:
    home.bench.set(batch_lines=10)
    large = home.bench.stage(home.bench.write(*many_orders(40), name="large.csv"))
    empty = home.bench.stage(home.bench.write(Line("bad", quantity=0), name="empty.csv"))
    result = home.run([large, empty])
    assert result.success
    assert materialized(result)["orders", large]["completed"] == 40
    assert materialized(result)["rejected_order_rows", empty]["dagster/row_count"] == 1
    assert home.bench.broken_checks() == set()
