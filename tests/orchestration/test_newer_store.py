"""Runs, schedules and sensors of older code refuse an upgraded store, and do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, build_schedule_context, build_sensor_context
from sqlalchemy import text

from definitions import build_definitions
from jobs.care.reservations import SWEEP_RESERVATIONS
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.revisions import StoreRefused
from tests.import_bench import ImportBench, many_orders
from tests.orchestration.test_import_job import error_of

SENTENCE = "The order store has tables of revision 9999"


@pytest.fixture
def upgraded(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with a staged file, whose store another machine has since upgraded."""
    engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'orders.db'}")
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url)
    bench.stage(bench.write(*many_orders(3)))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    yield bench
    engine.dispose()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield instance


@pytest.mark.parametrize("name", [IMPORT_ORDERS, SWEEP_RESERVATIONS])
def test_a_run_fails_once_and_says_why(name: str, upgraded: ImportBench, instance: DagsterInstance) -> None:
    job = build_definitions(upgraded.settings).resolve_job_def(name)
    (key,) = upgraded.keys().values()
    tags = {"dagster/partition": key} if name == IMPORT_ORDERS else {}
    result = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    assert not result.success
    assert SENTENCE in error_of(result)
    assert "restore a backup" in error_of(result)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert upgraded.statuses() == {}


def test_schedules_and_sensors_say_why(upgraded: ImportBench, instance: DagsterInstance) -> None:
    definitions = build_definitions(upgraded.settings)
    schedule = definitions.resolve_schedule_def("sweep_reservations_schedule")
    with pytest.raises(StoreRefused, match=SENTENCE):
        schedule(build_schedule_context(instance, resources=definitions.resources))
    sensor = definitions.resolve_sensor_def("lost_imports_sensor")
    with (
        build_sensor_context(
            instance=instance,
            repository_def=definitions.get_repository_def(),
            resources=definitions.resources,
        ) as context,
        pytest.raises(StoreRefused, match=SENTENCE),
    ):
        sensor(context)
