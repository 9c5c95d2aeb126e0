"""The loggers of runs, and what Dagster adds to their records.

For: lines in this project's form, also from runs whose configuration names no logger, such as those that the
Materialize button launches.
Without it: these runs log in Dagster's form, without file and batch, and at level DEBUG.
Instead: default loggers in `Definitions` that hold for every run; documented attributes of its log records.
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
    """What a run said, and who said it."""

    text: str
    run_id: str
    step_key: str | None
    error: str | None


def use_run_loggers(loggers: Sequence[RunLogger]) -> None:
    """Makes them the loggers, each with its configuration, of runs whose configuration names none."""
    vars(context_creation_job)["default_system_loggers"] = lambda _instance: loggers


def run_message(record: logging.LogRecord) -> RunMessage | None:
    """What a record of a run's logger says; None where no run made the record."""
    meta = getattr(record, LOG_RECORD_METADATA_ATTR, None)
    if meta is None:
        return None
    event = meta["dagster_event"]
    error = error_of(event) if event else None
    return RunMessage(
        meta["orig_message"], meta["run_id"], meta["step_key"], error.message.strip() if error else None
    )
