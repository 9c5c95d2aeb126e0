"""The console log of runs: lines of ops and of Dagster in this project's format, with the ids of the run."""

import copy
import logging
import sys

from dagster import Field, InitLoggerContext, LoggerDefinition, logger

from jobs.dagster_seams.run_loggers import run_message, use_run_loggers
from orders_pipeline.base.settings import Settings
from orders_pipeline.base.telemetry.logs import log_formatter


class RunLogFormatter(logging.Formatter):
    """Extracts the message and the ids of a record from the text that Dagster makes."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        """Formats the line.

        For a failure it has only the reason; the stack trace is in Dagster's event log.
        """
        said = run_message(record)
        if said is None:
            return self._lines.format(record)
        line = copy.copy(record)
        line.msg, line.args, line.run_id = said.text, (), said.run_id
        if said.step_key:
            line.step = said.step_key
        if said.error:
            line.msg = f"{line.msg} {said.error}"
        return self._lines.format(line)


def run_log(settings: Settings) -> LoggerDefinition:
    """The logger `console` of every job."""
    level = Field(
        str, is_required=False, default_value=settings.log_level.upper(), description="Lowest level."
    )

    @logger({"log_level": level}, description="Lines on stderr, as JSON or text.")
    def console(context: InitLoggerContext) -> logging.Logger:
        made = logging.Logger("dagster.run", context.logger_config["log_level"])
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(RunLogFormatter(log_formatter(settings.log_format)))
        made.addHandler(handler)
        return made

    return console


def use_run_log(settings: Settings) -> None:
    """Uses this log for runs without a logger in their configuration, instead of Dagster's own."""
    use_run_loggers([(run_log(settings), {"log_level": settings.log_level.upper()})])
