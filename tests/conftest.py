"""Fixtures of every test. Real services and data are fixtures of `tests.services`."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path

import hypothesis
import pluggy
import pytest
from argon2 import PasswordHasher

from cli.stack.supervision import supervisor
from orders_pipeline.access import passwords
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.new_stores import create_at_once
from tests.sweeps import examples
from tests.warm_processes import share_programs, warm_supervisord

pytest_plugins = ["tests.forked_workers", "tests.services", "tests.workers"]


def pytest_configure(config: pytest.Config) -> None:
    # A background job of a shell ignores SIGINT. Dagster copies the handler of SIGINT to SIGTERM, so programs
    # that the tests start after a run would ignore both.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Dagster would write into the folder of dagster.yaml, and send telemetry. Fixtures of modules run early.
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    # Password hashing is slow on purpose, and would take most of the time of a sign-in.
    passwords.PasswordHasher = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    supervisor.supervisord_command = warm_supervisord
    create_at_once()
    if config.getoption("numprocesses", None):
        share_programs()
    gc.disable()  # while modules load
    atexit.register(gc.unfreeze)  # otherwise DuckDB reports leaks
    hypothesis.settings.register_profile("tests", examples(60))
    hypothesis.settings.load_profile("tests")


def pytest_collection_finish() -> None:
    # Everything loaded so far stays until the end. Searching it for garbage repeatedly takes a tenth of the
    # processor time of all tests.
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000)


def pytest_sessionfinish() -> None:
    gc.freeze()  # pytest would collect the garbage of all tests five times


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports a failure again if CPython 3.11 could not parse its source, which would end the whole run.

    It counts its depth once for all threads, and the thread of a server may show a stack trace meanwhile.
    """
    try:
        return (yield)
    except (SystemError, pluggy.PluggyTeardownRaisedWarning):
        time.sleep(1)  # until that thread has finished
        return pytest.TestReport.from_item_and_call(item, call)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Makes a test independent of the shell's environment and `.env`; its state is in its own folder."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in list(os.environ):
        if name.startswith("ORDERS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
