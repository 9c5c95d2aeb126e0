"""Runs a Dagster server with this project's log format: `python -m cli.dagster_server COMMAND ARGUMENT...`.

COMMAND is `dagster`, `dagster-webserver` or `dagster-daemon`.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from jobs.dagster_seams.server_logs import use_server_logs
from orders_pipeline.base.logs import configure_logs
from orders_pipeline.base.settings import load_settings


def main() -> None:
    """Runs the command in this process."""
    settings = load_settings()
    configure_logs(settings)
    use_server_logs(lambda: configure_logs(settings))
    del sys.argv[0]
    (command,) = entry_points(group="console_scripts", name=sys.argv[0])
    sys.exit(command.load()())


if __name__ == "__main__":
    main()
