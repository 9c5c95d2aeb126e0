"""Contract of `jobs.dagster_seams.compute_logs`."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance, job, op

from jobs.dagster_seams.compute_logs import SubfolderComputeLogs
from tests.orchestration.dagster_seams.instances import local_instance


@op
def say_hello() -> None:
    """Prints."""
    print("hello")  # noqa: T201


@job
def talk() -> None:
    """Prints something."""
    say_hello()


def test_what_steps_print_is_in_the_subfolder_and_is_found_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = {"base_dir": str(tmp_path / "home")}
    logs = {"module": "jobs.compute_logs", "class": "ComputeLogs", "config": config}
    with local_instance(tmp_path, compute_logs=logs) as instance:
        assert isinstance(instance.compute_log_manager, SubfolderComputeLogs)
        run_id = talk.execute_in_process(instance=instance).run_id
        (printed,) = (tmp_path / "home" / "compute_logs" / run_id).rglob("*.out")
        assert printed.read_text() == "hello\n"
        assert shown(instance, run_id) == b"hello\n"
    # The log of the process contains it as well.
    assert "hello\n" in capfd.readouterr().out


def shown(instance: DagsterInstance, run_id: str) -> bytes | None:
    """What the UI shows about the run's only step."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    (captured,) = [event for event in events if event and event.event_type_value == "LOGS_CAPTURED"]
    key = [run_id, "compute_logs", captured.logs_captured_data.file_key]
    return instance.compute_log_manager.get_log_data(key).stdout
