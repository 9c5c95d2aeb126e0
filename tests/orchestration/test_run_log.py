"""The log lines of runs on stderr."""

import json
from pathlib import Path

import pytest
from dagster import DagsterInstance

from definitions import build_definitions
from orders_pipeline.base.settings import LogFormat, Settings


def test_a_run_that_nobody_configured_logs_in_the_form_of_all_other_logs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path, log_format=LogFormat.JSON, log_level="debug")
    clean_up = build_definitions(settings).resolve_job_def("clean_up")
    quiet = {"telemetry": {"enabled": False}}
    with DagsterInstance.local_temp(str(tmp_path), overrides=quiet) as instance:
        assert clean_up.execute_in_process(instance=instance).success
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    said = [line for line in lines if line["logger"] == "dagster.run"]
    assert {line["run_id"] for line in said} == {instance.get_runs()[0].run_id}
    assert "remove_old_files_and_rejects" in {line.get("step") for line in said}
