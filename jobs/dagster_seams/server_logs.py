"""The logs of Dagster's servers: code server, webserver and daemon.

For: log lines in this project's format.
Without it: Dagster's own JSON lines, with other field names, without ids and tracebacks.
Instead: an option of `dagster api grpc`, `dagster-webserver` and `dagster-daemon` for a logging
configuration. `--log-format` offers only three formats of Dagster.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from dagster._utils import log


def use_server_logs(configure: Callable[[], None]) -> None:
    """Makes servers run this function instead of configuring their own logs."""
    theirs = log.configure_loggers

    def configure_loggers(**_: object) -> None:
        configure()

    # Replaced in `log` for modules that are loaded later, and in modules that have already imported the
    # function.
    for module in list(sys.modules.values()):
        if vars(module).get("configure_loggers") is theirs:
            setattr(module, "configure_loggers", configure_loggers)  # noqa: B010 mypy knows no such attribute
