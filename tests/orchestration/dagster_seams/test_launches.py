"""Contract of `jobs.dagster_seams.launches` and `run_queue`, with Dagster's own code server in a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from jobs.dagster_seams.launches import CodeServerAbsentError, job_launcher
from jobs.run_queue import RunQueue
from tests.orchestration.dagster_seams.test_warm_runs import MODULE, Server, eventually, serving

QUEUE = {"run_coordinator": {"module": RunQueue.__module__, "class": RunQueue.__name__}}
LIMIT_OF_ONE = {"concurrency": {"runs": {"max_concurrent_runs": 1}}}


def config(server: Server, seconds: float = 0.0) -> dict[str, object]:
    """Config of the job of `forked_definitions`."""
    answer = {"file": str(server.folder / "answer"), "seconds": seconds}
    return {"ops": {"answer": {"config": answer}}, "execution": {"config": {"in_process": {}}}}


def test_a_run_is_launched_at_once_and_the_next_waits_for_its_turn(tmp_path: Path) -> None:
    with (
        serving(tmp_path, MODULE, **QUEUE, **LIMIT_OF_ONE) as server,
        job_launcher(server.instance, str(server.origin.socket), "forked") as jobs,
    ):
        first = jobs.launch("tell", {"orders/launched_by": "a test"}, config(server, seconds=60))
        eventually((server.folder / "answer").exists)
        run = server.instance.get_run_by_id(first)
        assert run
        assert (run.job_name, run.tags["orders/launched_by"]) == ("tell", "a test")
        assert run.remote_job_origin
        second = jobs.launch("tell", {}, config(server))
        assert server.status(second) is DagsterRunStatus.QUEUED
        assert server.instance.run_coordinator.cancel_run(first)
        eventually(lambda: server.status(first) is DagsterRunStatus.CANCELED)
        third = jobs.launch("tell", {}, config(server))
        # The second one is first in the queue.
        assert server.status(third) is DagsterRunStatus.QUEUED


def test_without_a_code_server_nothing_is_launched(tmp_path: Path) -> None:
    with serving(tmp_path, MODULE) as server:
        with (
            pytest.warns(UserWarning, match="Could not reach user code server"),
            pytest.raises(CodeServerAbsentError, match="does not answer"),
            job_launcher(server.instance, str(tmp_path / "no-socket"), "forked"),
        ):
            pass
        with (
            job_launcher(server.instance, str(server.origin.socket), "forked") as jobs,
            pytest.raises(CodeServerAbsentError, match="no job other"),
        ):
            jobs.launch("other", {})
