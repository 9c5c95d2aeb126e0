"""Makes Dagster's own stores of a new home once, before several processes would do so at the same time.

Dagster does not lock while it makes them: two processes that meet leave a SQLite store with two schema
versions, which no process can open any more.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.programs import variables
from orders_pipeline.settings import Settings

PREPARED = "dagster.prepared"
OPEN_ONCE = "from dagster import DagsterInstance; DagsterInstance.get().dispose()"


def prepare_dagster(settings: Settings) -> None:
    """Let Dagster make its stores for this home and this dagster.yaml, unless that was done.

    Raises:
        StackError: Dagster does not accept its configuration or reach its database.
    """
    layout = Layout(settings.home)
    with (layout.run / PREPARED).open("a+") as prepared:
        fcntl.flock(prepared, fcntl.LOCK_EX)
        prepared.seek(0)
        if str(settings.dagster_home) in prepared.read().splitlines():
            return
        _open_once(settings, layout)
        prepared.write(f"{settings.dagster_home}\n")


def _open_once(settings: Settings, layout: Layout) -> None:
    # Away from the project's `.env`, in a process of its own: Dagster takes its home from the environment.
    environment = os.environ | variables(settings)
    command = [sys.executable, "-c", OPEN_ONCE]
    done = subprocess.run(  # noqa: S603
        command, cwd=layout.run, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StackError(
            "dagster_unusable", f"Dagster cannot be used with {settings.dagster_home}/dagster.yaml: {reason}"
        )
