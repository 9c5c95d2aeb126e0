"""Logs: one line for each event, as a JSON object with the ids at hand, or as text for people.

Nothing in them is secret or personal: passwords in URLs are masked, errors are shown without values, and only
the fields below are added.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TextIO

from orders_pipeline.base.settings import LogFormat, Settings
from orders_pipeline.base.telemetry.stack_trace import message_of, stack_trace
from orders_pipeline.base.text.printable import json_text, printable

# Set by `orders up` for each of its programs.
PROGRAM_VARIABLE = "ORDERS_PROGRAM"
FIELDS = ("file", "batch", "order", "run_id", "step", "outcome", "seconds", "method", "path", "status")
# Up to the last @: a password that was not encoded may contain one.
CREDENTIALS = re.compile(r"""(?<=://)[^\s/@]*:[^\s"'<>]*@""")
TRACE_BEGINS = "Traceback (most recent call last):\n"
QUIET_LOGGERS = ("httpx", "httpcore", "alembic", "celery.app.trace", "celery.worker.strategy")
NO_IDS: Mapping[str, Any] = MappingProxyType({})
_ids: ContextVar[Mapping[str, Any]] = ContextVar("log_ids", default=NO_IDS)


@contextmanager
def log_ids(**ids: Any) -> Iterator[None]:
    """Adds ids, which are named in `FIELDS`, to every line that this thread logs inside the context."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Sends every log line of this process to the stream, stderr by default, in the configured form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(log_formatter(settings.log_format))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def log_formatter(form: LogFormat) -> logging.Formatter:
    """The formatter for this form of log lines."""
    return JsonFormatter() if form is LogFormat.JSON else TextFormatter()


def let_root_speak(*names: str) -> None:
    """Removes the handlers of these loggers, so their lines take the form of all others."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True


def masked(text: str) -> str:
    """The text without the user and password of any URL in it."""
    return CREDENTIALS.sub("***@", text)


class JsonFormatter(logging.Formatter):
    """One JSON object on each line: time, level, logger, message, and the program and ids where known."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(_message(record)),
        }
        if program := os.environ.get(PROGRAM_VARIABLE):
            line["program"] = program
        line |= _fields(record)
        if error := _error(record):
            line["error"] = masked(TRACE_BEGINS + stack_trace(error))
        return json_text(line)


class TextFormatter(logging.Formatter):
    """Formats lines for people: `12:30:01 warning LOGGER: message (file=..., batch=...)`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and a traceback below it."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = ", ".join(f"{name}={value}" for name, value in _fields(record).items())
        text = f"{time} {record.levelname.lower()} {record.name}: {_message(record)}"
        text += f" ({fields})" if fields else ""
        if error := _error(record):
            text += f"\n{TRACE_BEGINS}{stack_trace(error)}"
        return printable(masked(text))


def _message(record: logging.LogRecord) -> str:
    if isinstance(record.args, tuple):
        args = tuple(message_of(one) if isinstance(one, BaseException) else one for one in record.args)
        return str(record.msg) % args if args else str(record.msg)
    return record.getMessage()


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    own = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
    return {**_ids.get(), **own}
