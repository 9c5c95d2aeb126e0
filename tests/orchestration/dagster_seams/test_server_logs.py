"""Contract of `jobs.dagster_seams.server_logs`, each time in a separate process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT

USED = """
from importlib import import_module
from jobs.dagster_seams.server_logs import use_server_logs
{earlier}
calls = []
use_server_logs(lambda: calls.append("ours"))
import_module("{module}").configure_loggers(formatter="json", log_level="INFO")
assert calls == ["ours"], calls
"""


SERVERS = ["dagster._cli.api", "dagster._daemon.controller", "dagster_webserver.cli"]


@pytest.mark.parametrize("earlier", [False, True], ids=["later", "earlier"])
@pytest.mark.parametrize("module", SERVERS)
def test_a_server_configures_its_logs_by_our_function_whenever_it_is_loaded(
    module: str, earlier: bool
) -> None:
    code = USED.format(module=module, earlier=f"import {module}" if earlier else "")
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=True)
