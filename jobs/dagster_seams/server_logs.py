"""The logs of Dagster's servers: code server, webserver and daemon.

For: lines in this project's form.
Without it: Dagster's own JSON lines, which have other names for all fields, no ids, and no tracebacks.
Instead: an option of `dagster api grpc`, `dagster-webserver` and `dagster-daemon` that takes a logging
configuration; `--log-format` offers three of Dagster's own.
"""

from __future__ import annotations

from collections.abc import Callable

from dagster._utils import log


def use_server_logs(configure: Callable[[], None]) -> None:
    """Makes servers that are loaded from now on call this function instead of configuring logs."""
    log.configure_loggers = lambda **_: configure()
