"""Contract of `jobs.dagster_seams.run_loggers`."""

import logging
from pathlib import Path

import pytest
from dagster import InitLoggerContext, OpExecutionContext, job, logger, op
from dagster._core.execution import context_creation_job

from jobs.dagster_seams.run_loggers import RunMessage, run_message, use_run_loggers
from tests.orchestration.dagster_seams.instances import local_instance


@op
def fail(context: OpExecutionContext) -> None:
    """Logs something and fails."""
    context.log.info("before it fails")
    raise ValueError("no such order")


@job
def failing() -> None:
    """Fails."""
    fail()


class Keeping(logging.Filter):
    """Keeps records, and passes none on."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self.records = records

    def filter(self, record: logging.LogRecord) -> bool:
        self.records.append(record)
        return False


def test_a_run_without_configuration_says_all_to_our_logger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "default_system_loggers"
    monkeypatch.setattr(context_creation_job, name, getattr(context_creation_job, name))
    records: list[logging.LogRecord] = []

    @logger
    def kept(_context: InitLoggerContext) -> logging.Logger:
        made = logging.Logger("kept")
        made.addFilter(Keeping(records))
        return made

    use_run_loggers([(kept, {})])
    with local_instance(tmp_path) as instance:
        run_id = failing.execute_in_process(instance=instance, raise_on_error=False).run_id
    said = [run_message(record) for record in records]
    assert RunMessage("before it fails", run_id, "fail", None) in said
    assert any(one and one.error and 'executing op "fail"' in one.error for one in said)


def test_a_record_of_another_logger_is_no_runs() -> None:
    assert run_message(logging.makeLogRecord({"msg": "hello"})) is None
