"""Contract of `jobs.dagster_seams.warm_runs`, with Dagster's own code server in a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._grpc.types import ExecuteExternalJobArgs, StartRunResult
from dagster._serdes import deserialize_value

from orders_pipeline.base.settings import PROJECT_ROOT
from tests import waiting
from tests.orchestration.dagster_seams import forked_definitions
from tests.orchestration.dagster_seams.instances import local_instance

MODULE = forked_definitions.__name__
SERVER = """
import sys
from jobs.dagster_seams.warm_runs import fork_runs
fork_runs(sys.argv.pop(1))
sys.argv[1:1] = ["api", "grpc"]
from dagster._cli import main
main()
"""
PATIENCE_SECONDS = 120


eventually = partial(waiting.eventually, patience_seconds=PATIENCE_SECONDS)


@dataclass
class Server:
    """A code server with the job of `forked_definitions`, an instance, and a folder for the runs' reports."""

    instance: DagsterInstance
    origin: GrpcServerCodeLocationOrigin
    folder: Path
    log: Path

    def launch(self, seconds: float = 0.0) -> tuple[str, dict[str, int]]:
        """Launches a run; returns its id and its processes."""
        location = self.origin.create_location(self.instance)
        (repository,) = location.get_repositories().values()
        job = repository.get_full_job("tell")
        answer = self.folder / f"answer{len(list(self.folder.iterdir()))}"
        config = {"ops": {"answer": {"config": {"file": str(answer), "seconds": seconds}}}}
        run = self.instance.create_run_for_job(
            forked_definitions.tell,
            run_config={**config, "execution": {"config": {"in_process": {}}}},
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
        )
        arguments = ExecuteExternalJobArgs(
            job_origin=job.get_remote_origin(), run_id=run.run_id, instance_ref=self.instance.get_ref()
        )
        result = deserialize_value(location.client.start_run(arguments), StartRunResult)
        assert result.success, result
        return run.run_id, json.loads(eventually(lambda: answer.exists() and answer.read_text()))

    def status(self, run_id: str) -> DagsterRunStatus | None:
        run = self.instance.get_run_by_id(run_id)
        return run and run.status


@contextmanager
def serving(folder: Path, preloaded: str, **overrides: Any) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as short, local_instance(folder, **overrides) as instance:
        socket, log = f"{short}/socket", folder / "log"
        origin = GrpcServerCodeLocationOrigin("localhost", socket=socket, location_name="forked")
        command = [sys.executable, "-c", SERVER, preloaded, "--socket", socket, "-m", MODULE]
        with log.open("w") as output, subprocess.Popen(command, cwd=PROJECT_ROOT, stderr=output) as process:
            try:
                eventually(lambda: answers(origin, instance, process))
                answered = folder / "answers"
                answered.mkdir()
                yield Server(instance, origin, answered, log)
            finally:
                process.terminate()


def answers(
    origin: GrpcServerCodeLocationOrigin, instance: DagsterInstance, process: subprocess.Popen[bytes]
) -> bool:
    assert process.poll() is None, "the server ended"
    with suppress(Exception):
        return bool(origin.create_location(instance).get_repositories())
    return False


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}/cmdline").exists()


def test_runs_are_forked_from_a_process_that_has_loaded_the_definitions(tmp_path: Path) -> None:
    with serving(tmp_path, MODULE) as server:
        run_id, first = server.launch()
        assert first["process"] != first["parent"] == first["loaded_by"]
        eventually(lambda: server.status(run_id) is DagsterRunStatus.SUCCESS)

        # The template survives SIGTERM, which its process group gets when the stack stops.
        os.kill(first["parent"], signal.SIGTERM)
        run_id, second = server.launch(seconds=PATIENCE_SECONDS)
        assert second["parent"] == first["parent"]

        # If it dies, its runs die as well: Dagster marks them as failed, and the next run starts it again.
        os.kill(first["parent"], signal.SIGKILL)
        eventually(lambda: server.status(run_id) is DagsterRunStatus.FAILURE)
        eventually(lambda: not is_alive(second["process"]))
        run_id, third = server.launch()
        assert third["process"] != third["parent"] == third["loaded_by"] != first["parent"]
        eventually(lambda: server.status(run_id) is DagsterRunStatus.SUCCESS)
    assert "without a fork" not in server.log.read_text()
    eventually(lambda: not is_alive(third["parent"]))


@pytest.mark.parametrize(
    ("preloaded", "message"),
    [
        ("tests.orchestration.dagster_seams.no_such_module", "was not loaded before the fork"),
        ("tests.orchestration.dagster_seams.fails_to_load", "a run starts without a fork"),
    ],
)
def test_a_run_starts_although_the_definitions_could_not_be_loaded_before_it(
    tmp_path: Path, preloaded: str, message: str
) -> None:
    with serving(tmp_path, preloaded) as server:
        run_id, processes = server.launch()
        assert processes["loaded_by"] == processes["process"]
        eventually(lambda: server.status(run_id) is DagsterRunStatus.SUCCESS)
        assert message in server.log.read_text()
