"""The logs of Dagster's servers: code server, webserver and daemon.

For: log lines in this project's format.
Without it: Dagster's own JSON lines, with other field names, without ids and tracebacks.
Instead: an option of `dagster api grpc`, `dagster-webserver` and `dagster-daemon` that takes a logging
configuration. `--log-format` offers only three formats of Dagster.
"""

from __future__ import annotations

from collections.abc import Callable

from dagster._utils import log


def use_server_logs(configure: Callable[[], None]) -> None:
    """Makes servers loaded after this call run this function instead of configuring their own logs."""
    log.configure_loggers = lambda **_: configure()
