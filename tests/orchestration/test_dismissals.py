"""A dismissed file has no failed partition, and deleting a partition dismisses its file."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance, build_sensor_context

from definitions import build_definitions
from jobs.imports.partitions import ORDER_FILES
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.failed_work.dismiss import dismiss_imports, open_refusals
from tests.import_bench import ImportBench, Line


@pytest.fixture
def key(bench: ImportBench, instance: DagsterInstance) -> str:
    """A file with ambiguous dates, refused by its run."""
    lines = [Line(f"{n}", date=f"0{n + 1}/02/2025 10:00") for n in range(5)]
    key = bench.stage(bench.write(*lines))
    job = build_definitions(bench.settings).resolve_job_def(IMPORT_ORDERS)
    tags = {"dagster/partition": key}
    assert not job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success
    return key


def look(bench: ImportBench, instance: DagsterInstance, cursor: str | None = None) -> str:
    """Runs the sensor once; returns its cursor."""
    definitions = build_definitions(bench.settings)
    resources = {"order_store": (definitions.resources or {})["order_store"]}
    with build_sensor_context(instance, resources=resources, cursor=cursor) as context:
        return str(definitions.resolve_sensor_def("refused_files_sensor").evaluate_tick(context).cursor)


def refused(bench: ImportBench) -> list[str]:
    with bench.engine.connect() as connection:
        return [one.key for one in open_refusals(connection)]


def test_a_dismissed_file_loses_its_partition(
    bench: ImportBench, instance: DagsterInstance, key: str
) -> None:
    cursor = look(bench, instance)
    assert instance.has_dynamic_partition(ORDER_FILES, key)
    with bench.engine.begin() as connection:
        dismiss_imports(connection, [key], "cli:ada")
    look(bench, instance, cursor)
    assert not instance.has_dynamic_partition(ORDER_FILES, key)


def test_a_file_whose_partition_is_deleted_is_dismissed(
    bench: ImportBench, instance: DagsterInstance, key: str
) -> None:
    look(bench, instance)
    assert refused(bench) == [key]
    instance.delete_dynamic_partition(ORDER_FILES, key)
    look(bench, instance)
    assert refused(bench) == []


@pytest.mark.usefixtures("key")
def test_a_new_dagster_instance_dismisses_nothing(bench: ImportBench) -> None:
    with DagsterInstance.ephemeral() as new:
        look(bench, new)
    assert len(refused(bench)) == 1
