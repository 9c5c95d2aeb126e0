"""The job `write_results`: launched for waiting results, and not without an outbox or while it fails."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance, RunRequest, SkipReason, build_sensor_context

from definitions import build_definitions
from jobs.care.results import WRITE_RESULTS
from tests.import_bench import ImportBench, Line


def look(bench: ImportBench, instance: DagsterInstance) -> RunRequest | SkipReason:
    definitions = build_definitions(bench.settings)
    sensor = definitions.resolve_sensor_def("results_sensor")
    with build_sensor_context(instance=instance, resources=definitions.resources) as context:
        return sensor(context)  # type: ignore[return-value]


@pytest.mark.parametrize("works", [True, False])
def test_the_sensor_launches_a_run_for_results_that_wait(
    bench: ImportBench, instance: DagsterInstance, works: bool
) -> None:
    key = bench.import_lines(Line("1")).partition
    assert isinstance(look(bench, instance), SkipReason)
    outbox = bench.folder / "outbox"
    if not works:
        outbox.write_text("no folder")
    bench.set(outbox=str(outbox))
    assert isinstance(look(bench, instance), RunRequest)
    job = build_definitions(bench.settings).resolve_job_def(WRITE_RESULTS)
    assert job.execute_in_process(instance=instance).success
    assert isinstance(look(bench, instance), SkipReason)
    assert (outbox / f"{key}.csv").exists() == works
