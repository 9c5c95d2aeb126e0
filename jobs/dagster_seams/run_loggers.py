"""The loggers of runs, and the fields that Dagster adds to their records.

For: log lines in this project's format, even from runs without a logger in their configuration, such as those
started with the Materialize button.
Without it: these runs log in Dagster's format, without file and batch, at level DEBUG.
Instead: default loggers in `Definitions` that apply to every run; documented attributes of log records.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster import LoggerDefinition
from dagster._core.execution import context_creation_job
from dagster._core.log_manager import LOG_RECORD_METADATA_ATTR

from jobs.dagster_seams.runs import error_of

RunLogger = tuple[LoggerDefinition, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class RunMessage:
    """The message of a run, with its origin."""

    text: str
    run_id: str
    step_key: str | None
    error: str | None


def use_run_loggers(loggers: Sequence[RunLogger]) -> None:
    """Sets the loggers, with their configuration, for runs without a logger in their configuration."""
    vars(context_creation_job)["default_system_loggers"] = lambda _instance: loggers


def run_message(record: logging.LogRecord) -> RunMessage | None:
    """Returns the message in a log record; None if the record was not written by a run."""
    meta = getattr(record, LOG_RECORD_METADATA_ATTR, None)
    if meta is None:
        return None
    event = meta["dagster_event"]
    error = error_of(event) if event else None
    return RunMessage(
        meta["orig_message"], meta["run_id"], meta["step_key"], error.message.strip() if error else None
    )
