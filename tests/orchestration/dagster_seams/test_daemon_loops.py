"""How often Dagster's daemon loads definitions and evaluates freshness."""

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dagster._daemon import controller
from dagster._daemon.controller import DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE, DagsterDaemonController
from dagster._daemon.freshness import FreshnessDaemon

from jobs.dagster_seams.daemon_loops import FRESHNESS_SECONDS, RELOAD_SECONDS, loop_rarely


@pytest.fixture(autouse=True)
def rare_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    # The original value is restored after the test.
    monkeypatch.setattr(controller, "RELOAD_WORKSPACE_INTERVAL", controller.RELOAD_WORKSPACE_INTERVAL)
    monkeypatch.setattr(FreshnessDaemon.__init__, "__defaults__", FreshnessDaemon.__init__.__defaults__)
    loop_rarely()


@pytest.mark.parametrize(("ago", "times"), [(RELOAD_SECONDS - 60, 0), (RELOAD_SECONDS + 1, 1)])
def test_the_daemon_loads_all_definitions_rarely(ago: float, times: int) -> None:
    loaded: list[None] = []
    workspace = SimpleNamespace(refresh_workspace=lambda: loaded.append(None))
    daemon = cast(Any, SimpleNamespace(_grpc_server_registry=None, _workspace_process_context=workspace))
    DagsterDaemonController.check_workspace_freshness(daemon, time.time() - ago)
    assert len(loaded) == times


def test_a_load_that_fails_once_does_not_end_the_daemon() -> None:
    assert RELOAD_SECONDS + 30 < DEFAULT_WORKSPACE_FRESHNESS_TOLERANCE


def test_freshness_is_judged_rarely() -> None:
    assert FreshnessDaemon().interval_seconds == FRESHNESS_SECONDS
