"""Runs a Dagster server with this project's adaptations: `python -m cli.dagster_server COMMAND ARGUMENT...`.

COMMAND is `dagster`, `dagster-webserver` or `dagster-daemon`. The server writes its log in the project's
format. The code server (`dagster api grpc`) forks its runs from a process that has loaded the definitions,
and launches imports as soon as files arrive or a launch is requested.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from threading import Event, Thread

from jobs.dagster_seams.grpc_waits import wake_rarely, watch_rarely
from jobs.dagster_seams.server_logs import use_server_logs
from jobs.dagster_seams.storage_engines import keep_engines, remember_tables
from jobs.dagster_seams.warm_runs import fork_runs
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.base.telemetry.logs import configure_logs

CODE_SERVER, DAEMON = ["dagster", "api", "grpc"], "dagster-daemon"


def main() -> None:
    """Runs the command in this process."""
    settings = load_settings()
    configure_logs(settings)
    use_server_logs(lambda: configure_logs(settings))
    keep_engines(connections=True)
    remember_tables()
    watch_rarely()
    del sys.argv[0]
    if sys.argv[:3] == CODE_SERVER:
        _prepare_code_server(settings)
    if sys.argv[0] == DAEMON:
        _prepare_daemon()
    (command,) = entry_points(group="console_scripts", name=sys.argv[0])
    sys.exit(command.load()())


def _prepare_daemon() -> None:
    from jobs.dagster_seams.daemon_loops import loop_rarely  # noqa: PLC0415 it loads the daemon

    loop_rarely()


def _prepare_code_server(settings: Settings) -> None:
    wake_rarely()
    if settings.warm_runs:
        fork_runs(_option("-m"))
    from jobs.dagster_seams.tick_instances import share_instance  # noqa: PLC0415 other servers have no ticks

    share_instance()
    if "--socket" in sys.argv:
        from jobs.launcher import serve_launcher  # noqa: PLC0415 other servers need none of it

        launcher = (settings, _option("--socket"), _option("--location-name"), Event())
        Thread(target=serve_launcher, args=launcher, name="launcher", daemon=True).start()


def _option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


if __name__ == "__main__":
    main()
