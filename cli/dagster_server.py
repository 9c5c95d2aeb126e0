"""One of Dagster's servers, with this project's log lines: `python -m cli.dagster_server MODULE ARGUMENT...`.

Dagster's own JSON lines have other names for all fields, no ids, and leave tracebacks out.
"""

from __future__ import annotations

import runpy
import sys

from dagster._utils import log

from orders_pipeline.base.logs import configure_logs
from orders_pipeline.base.settings import load_settings


def main() -> None:
    """Run the module in this process as `python -m` would."""
    settings = load_settings()
    configure_logs(settings)
    log.configure_loggers = lambda **_: configure_logs(settings)
    module, *sys.argv[1:] = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
