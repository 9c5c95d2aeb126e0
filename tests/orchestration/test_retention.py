"""Old runs are removed with their events and logs; the last materialization of each asset stays known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    DagsterInstance,
    DefaultScheduleStatus,
    DynamicPartitionsDefinition,
    asset,
    asset_check,
    job,
    materialize,
    op,
)

from jobs.care import old_runs
from jobs.care.old_runs import remove_old_runs
from jobs.care.retention import retention_job, retention_schedule
from jobs.launch import dagster_instance
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from resources.order_store import OrderStore

FILES = DynamicPartitionsDefinition(name="files")
DAYS = 30


@asset(partitions_def=FILES)
def orders(context: AssetExecutionContext) -> None:
    """Writes to the log."""
    print(context.partition_key)  # noqa: T201


@asset_check(asset="orders")
def is_well() -> AssetCheckResult:
    """Always passes."""
    return AssetCheckResult(passed=True)


@op
def say() -> int:
    """Returns a value."""
    print("hello")  # noqa: T201
    return 1


@job
def talk() -> None:
    """A job without assets."""
    say()


@pytest.fixture(params=["sqlite", "postgresql"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """An instance as configured by dagster.yaml."""
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))
    # Otherwise it would write into the folder of DAGSTER_HOME, which is the project's.
    overrides: dict[str, Any] = {"telemetry": {"enabled": False}}
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        overrides["storage"] = {"postgres": {"postgres_url": url}}
    (tmp_path / "home").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "home"), overrides=overrides) as made:
        made.add_dynamic_partitions("files", ["a", "b"])
        yield made


def materialized(instance: DagsterInstance, key: str) -> str:
    """Id of a run that materialized a partition."""
    return materialize([orders, is_well], instance=instance, partition_key=key).run_id


def in_the_future(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, _: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=days)

    monkeypatch.setattr(old_runs, "datetime", Later)


def removed(instance: DagsterInstance, *, dry: bool = False) -> dict[str, int]:
    return {one.what: one.number for one in remove_old_runs(instance, DAYS, dry=dry) if one.number}


def test_partitions_stay_materialized_while_runs_logs_and_events_go(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, other = (materialized(instance, key) for key in ("a", "a", "b"))
    talked = talk.execute_in_process(instance=instance).run_id
    latest = instance.get_latest_materialization_event(AssetKey("orders"))
    assert removed(instance) == {}
    in_the_future(monkeypatch, DAYS + 1)
    expected = {"runs": 2, "events_of_runs": 2, "check_results": 2}
    assert removed(instance, dry=True) == expected
    assert removed(instance) == expected
    assert {run.run_id for run in instance.get_runs()} == {second, other}
    assert instance.get_materialized_partitions(AssetKey("orders")) == {"a", "b"}
    assert instance.get_latest_materialization_event(AssetKey("orders")) == latest
    for run_id in (second, other):
        kept = [entry.dagster_event for entry in instance.all_logs(run_id)]
        assert [event.event_type_value for event in kept if event] == ["ASSET_MATERIALIZATION"]
    names = {path.name for path in Path(instance.root_directory).rglob("*")}
    assert not any(run_id in name for run_id in (first, talked) for name in names)
    assert removed(instance) == {}


def test_what_steps_print_is_in_one_folder_of_the_home_and_goes_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    with dagster_instance(settings) as instance:
        run_id = talk.execute_in_process(instance=instance).run_id
        (printed,) = (settings.home / "compute_logs" / run_id).rglob("*.out")
        assert printed.read_bytes() == b"hello\n"
        assert [path.parent for path in settings.home.rglob(run_id)] == [settings.home / "compute_logs"]
        in_the_future(monkeypatch, DAYS + 1)
        assert removed(instance) == {"runs": 1}
        assert list((settings.home / "compute_logs").iterdir()) == []


def test_a_run_that_has_not_ended_is_left_alone(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = instance.create_run_for_job(talk)
    instance.report_engine_event("started", run)
    in_the_future(monkeypatch, DAYS + 1)
    assert removed(instance) == {}
    assert instance.get_run_by_id(run.run_id)


def test_an_emptied_run_goes_once_a_newer_one_materialized_the_same(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = materialized(instance, "a")
    in_the_future(monkeypatch, DAYS + 1)
    assert removed(instance) == {"events_of_runs": 1}
    materialized(instance, "a")
    assert removed(instance) == {"runs": 1, "events_of_runs": 1, "check_results": 1}
    assert instance.get_run_by_id(first) is None


def test_the_job_cleans_each_night_and_says_what_it_removed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert retention_schedule(settings).default_status is DefaultScheduleStatus.RUNNING
    engine = open_engine(settings.store_url)
    ensure_current(engine)
    engine.dispose()
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = retention_job(settings).execute_in_process(
            instance=instance, resources={"order_store": OrderStore(settings.store_url)}
        )
    numbers = {
        name: value.value
        for event in result.all_events
        if event.event_type_value == "STEP_OUTPUT"
        for name, value in event.step_output_data.metadata.items()
    }
    assert numbers == dict.fromkeys(
        (
            "batches",
            "originals",
            "rejects",
            "payout_rejects",
            "events",
            "notifications",
            "inbox_files",
            "unfinished_copies",
            "unfinished_backups",
            "replaced_stores",
            "runs",
            "events_of_runs",
            "check_results",
            "events_without_a_run",
            "logs_of_ticks",
        ),
        0,
    )
