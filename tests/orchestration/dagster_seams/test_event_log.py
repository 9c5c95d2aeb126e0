"""Contract of `jobs.dagster_seams.event_log`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from dagster import (
    AssetCheckResult,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    materialize,
)

from jobs.dagster_seams.event_log import (
    event_log,
    holders_of_latest,
    remove_check_results,
    remove_event_file,
    remove_other_events,
    remove_runless_events,
)
from tests.orchestration.dagster_seams.instances import local_instance


@asset(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def files() -> None:
    """Produces a value for each partition."""


@asset_check(asset=files)
def is_well() -> AssetCheckResult:
    """Always passes."""
    return AssetCheckResult(passed=True)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with local_instance(tmp_path) as made:
        yield made


def run_of(instance: DagsterInstance, key: str) -> str:
    return materialize([files, is_well], instance=instance, partition_key=key).run_id


def test_the_newest_run_of_each_partition_holds_its_latest_materialization(instance: DagsterInstance) -> None:
    _first, second, other = (run_of(instance, key) for key in ("a", "a", "b"))
    assert set(holders_of_latest(event_log(instance))) == {second, other}


def test_a_run_keeps_its_materializations_and_nothing_else(instance: DagsterInstance) -> None:
    run_id = run_of(instance, "a")
    latest = instance.get_latest_materialization_event(AssetKey("files"))
    remove_other_events(event_log(instance), run_id)
    kept = [entry.dagster_event for entry in instance.all_logs(run_id)]
    assert [event.event_type_value for event in kept if event] == ["ASSET_MATERIALIZATION"]
    assert instance.get_latest_materialization_event(AssetKey("files")) == latest


def test_a_deleted_run_leaves_no_file_of_events(instance: DagsterInstance, tmp_path: Path) -> None:
    run_id = run_of(instance, "a")
    instance.delete_run(run_id)
    assert [path for path in tmp_path.rglob(f"{run_id}*") if path.is_file()]
    remove_event_file(event_log(instance), run_id)
    assert not [path for path in tmp_path.rglob(f"{run_id}*") if path.is_file()]


def test_all_but_the_latest_result_of_a_check_go(instance: DagsterInstance) -> None:
    for _ in range(3):
        run_of(instance, "a")
    log, later = event_log(instance), datetime.now(UTC) + timedelta(days=1)
    assert remove_check_results(log, later, dry=True) == 2
    assert remove_check_results(log, later, dry=False) == 2
    assert remove_check_results(log, later, dry=False) == 0


def test_a_log_that_is_not_in_sql_is_refused() -> None:
    class Elsewhere:
        event_log_storage = "a service"

    with pytest.raises(TypeError, match="str"):
        event_log(cast(DagsterInstance, Elsewhere()))


def test_of_events_without_a_run_the_latest_stays(instance: DagsterInstance) -> None:
    for number in range(3):
        instance.report_runless_asset_event(AssetMaterialization("shots", metadata={"number": number}))
    run_id = run_of(instance, "a")
    log, now = event_log(instance), datetime.now(UTC)
    assert remove_runless_events(log, now - timedelta(days=1), dry=False) == 0
    assert remove_runless_events(log, now + timedelta(days=1), dry=True) == 2
    assert remove_runless_events(log, now + timedelta(days=1), dry=False) == 2
    latest = instance.get_latest_materialization_event(AssetKey("shots"))
    assert latest
    assert latest.asset_materialization
    assert latest.asset_materialization.metadata["number"].value == 2
    assert instance.all_logs(run_id)
