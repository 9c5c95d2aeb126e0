"""If a command is killed, its run does not stay started until `orders up` is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from jobs.command_runs import PROCESS_TAG, fail_killed_runs, process_tag
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.base.settings import PROJECT_ROOT
from tests.dagster_runs import create_run, status_of

TELL = """
from jobs.command_runs import process_tag
print(process_tag()["orders/process"], flush=True)
input()
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(str(tmp_path)) as opened:
        yield opened


def test_the_run_of_a_killed_command_fails_and_no_other(instance: DagsterInstance) -> None:
    command = [sys.executable, "-c", TELL]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        tags = {PROCESS_TAG: process.stdout.readline().strip()}
        theirs = create_run(instance, IMPORT_ORDERS, DagsterRunStatus.STARTED, tags)
        assert fail_killed_runs(instance) == 0
        process.kill()
    here, elsewhere = process_tag(), {PROCESS_TAG: f"another/{process.pid}/1"}
    others = [
        create_run(instance, IMPORT_ORDERS, DagsterRunStatus.STARTED, one) for one in (here, elsewhere, {})
    ]
    assert fail_killed_runs(instance) == 1
    assert status_of(instance, theirs) is DagsterRunStatus.FAILURE
    assert {status_of(instance, run) for run in others} == {DagsterRunStatus.STARTED}


def test_another_process_with_the_same_number_does_not_count_as_alive(instance: DagsterInstance) -> None:
    earlier = process_tag()[PROCESS_TAG].rpartition("/")[0] + "/1"
    run = create_run(instance, IMPORT_ORDERS, DagsterRunStatus.STARTED, {PROCESS_TAG: earlier})
    assert fail_killed_runs(instance) == 1
    assert status_of(instance, run) is DagsterRunStatus.FAILURE
