"""How the tests are divided among processes, and how large the sweeps are."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from orders_pipeline.base.settings import PROJECT_ROOT
from tests import sweeps
from tests.warm_processes import SOCKET, warm_python
from tests.workers import unit_of


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/unit/base/test_money.py::test_a[x]", "tests/unit/base/test_money.py::test_a"),
        (
            "tests/integration/upkeep/test_verify.py::test_a[sqlite]",
            "tests/integration/upkeep/test_verify.py",
        ),
        ("tests/e2e/console/test_overview.py::test_a", "network"),
        ("tests/e2e/machines/test_three_hosts.py::test_a", "network"),
        ("tests/e2e/imports/test_measured_import.py::test_a", "tests/e2e/imports/test_measured_import.py"),
        ("tests/integration/jobs/test_queues.py::test_a", "rabbitmq_url"),
        ("tests/e2e/imports/test_four_back_ends.py::test_a", "rabbitmq_url"),
    ],
)
def test_tests_that_share_a_fixture_or_a_slow_server_stay_together(test: str, unit: str) -> None:
    assert unit_of(test) == unit


def test_sweeps_are_the_same_in_each_run_unless_more_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SIZE", 1.0)
    assert (sweeps.examples(100).max_examples, sweeps.examples(100).derandomize) == (100, True)
    monkeypatch.setattr(sweeps, "SIZE", 10.0)
    assert (sweeps.examples(100).max_examples, sweeps.examples(100).derandomize) == (1000, False)
    monkeypatch.setattr(sweeps, "SIZE", 0.1)
    assert (sweeps.cases(6), sweeps.examples(100).max_examples) == (1, 10)


def test_a_test_file_that_cannot_be_imported_fails_the_run(tmp_path: Path) -> None:
    """The first half of the file was loaded before the test processes were forked."""
    broken = tmp_path / "test_broken.py"
    # As a test with Hypothesis does, whose plugin must not be imported twice.
    used = "from hypothesis.configuration import storage_directory\nstorage_directory('constants')\n"
    broken.write_text(f"{used}import nothing_such\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n1",
        "-p",
        "tests.forked_workers",
        f"-c{PROJECT_ROOT}/pyproject.toml",
    ]
    run = subprocess.run(
        [*command, str(broken)], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "No module named 'nothing_such'" in run.stdout


PRINTS_PID = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_forked_command_ends_with_the_program_that_asked_for_it(number: signal.Signals) -> None:
    with subprocess.Popen([warm_python(), "-c", PRINTS_PID], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        command = psutil.Process(int(program.stdout.readline()))
        program.send_signal(number)
    assert program.returncode == -number
    assert psutil.wait_procs([command], timeout=60)[1] == []


def test_a_program_that_is_killed_before_it_asks_for_a_command_disturbs_no_other() -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.connect(str(warm_python().with_name(SOCKET)))
    code = "import os, sys; sys.exit(os.environ['WORD'] != sys.argv[1])"
    done = subprocess.run([warm_python(), "-c", code, "\udcff"], env={"WORD": "\udcff"}, check=False)
    assert done.returncode == 0
