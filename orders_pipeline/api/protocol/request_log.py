"""The request log of the API: method, path and status. Query and client may be personal and are left out."""

from __future__ import annotations

import logging

from orders_pipeline.base.telemetry.logs import let_root_speak

REQUESTS = "uvicorn.access"


def log_requests() -> None:
    """Gives uvicorn's log lines the format of all others."""
    let_root_speak("uvicorn", "uvicorn.error", REQUESTS)
    logging.getLogger(REQUESTS).addFilter(name_the_parts)


def name_the_parts(record: logging.LogRecord) -> bool:
    """Converts uvicorn's positional arguments to fields of the log line."""
    if isinstance(record.args, tuple) and len(record.args) == 5:
        _client, record.method, target, _version, record.status = record.args
        record.path = str(target).partition("?")[0]
        record.msg, record.args = "request", ()
    return True
