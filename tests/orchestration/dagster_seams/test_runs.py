"""Contract of `jobs.dagster_seams.runs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, job, op

from jobs.dagster_seams.runs import (
    count_runs,
    first_causes,
    newest_event_id,
    remove_files,
    report_failed,
    silent_daemons,
    tag_run,
)
from tests.dagster_runs import create_run
from tests.orchestration.dagster_seams.instances import local_instance

STARTED = DagsterRunStatus.STARTED


@op
def count() -> int:
    """Returns a value."""
    return 3


@op
def fail(number: int) -> None:
    """Fails with a reason."""
    try:
        raise LookupError(f"no order {number}")
    except LookupError as error:
        raise RuntimeError("the step failed") from error


@job
def failing() -> None:
    """Fails at the second step."""
    fail(count())


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with local_instance(tmp_path) as made:
        yield made


def test_a_run_ends_as_failed_whatever_its_process_does(instance: DagsterInstance) -> None:
    run = create_run(instance, "lost", STARTED)
    before = newest_event_id(instance, run.run_id)
    report_failed(instance, run, "its process is gone")
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is DagsterRunStatus.FAILURE
    assert before == 0 < newest_event_id(instance, run.run_id)


def test_the_causes_of_a_failure_come_without_what_wraps_them(instance: DagsterInstance) -> None:
    run_id = failing.execute_in_process(instance=instance, raise_on_error=False).run_id
    causes = list(first_causes(instance, run_id))
    assert any("LookupError: no order 3" in cause for cause in causes)
    assert not any("the step failed" in cause for cause in causes)


def test_a_run_is_tagged_and_loses_what_it_printed_and_handed_on(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    run_id = failing.execute_in_process(instance=instance, raise_on_error=False).run_id
    tag_run(instance, run_id, {"seen": "yes"})
    found = instance.get_run_by_id(run_id)
    assert found is not None
    assert found.tags["seen"] == "yes"
    folders = [path for path in tmp_path.rglob(run_id) if path.is_dir()]
    assert folders
    remove_files(instance, run_id)
    assert not any(path.exists() for path in folders)


def test_runs_are_counted_and_daemons_without_a_heartbeat_named(instance: DagsterInstance) -> None:
    create_run(instance, "first", STARTED)
    create_run(instance, "second", STARTED)
    assert count_runs(instance) == 2
    assert {"SENSOR", "SCHEDULER"} <= set(silent_daemons(instance))
