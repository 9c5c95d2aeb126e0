"""Contract of `jobs.dagster_seams.server_logs`, in a process of its own: servers are loaded after it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT

USED = """
from importlib import import_module
from jobs.dagster_seams.server_logs import use_server_logs
calls = []
use_server_logs(lambda: calls.append("ours"))
import_module("{module}").configure_loggers(formatter="json", log_level="INFO")
assert calls == ["ours"], calls
"""


SERVERS = ["dagster._cli.api", "dagster._daemon.controller", "dagster_webserver.cli"]


@pytest.mark.parametrize("module", SERVERS)
def test_a_server_that_is_loaded_later_configures_its_logs_by_our_function(module: str) -> None:
    subprocess.run([sys.executable, "-c", USED.format(module=module)], cwd=PROJECT_ROOT, check=True)
