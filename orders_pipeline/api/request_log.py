"""What the API logs of a request: method, path and status; no query and no client, which may be personal."""

from __future__ import annotations

import logging

from orders_pipeline.base.logs import let_root_speak

REQUESTS = "uvicorn.access"


def log_requests() -> None:
    """Makes the lines of uvicorn look like all others of this process."""
    let_root_speak("uvicorn", "uvicorn.error", REQUESTS)
    logging.getLogger(REQUESTS).addFilter(name_the_parts)


def name_the_parts(record: logging.LogRecord) -> bool:
    """Turns uvicorn's positional arguments into fields of the line."""
    if isinstance(record.args, tuple) and len(record.args) == 5:
        _client, record.method, target, _version, record.status = record.args
        record.path = str(target).partition("?")[0]
        record.msg, record.args = "request", ()
    return True
