"""Log lines: one JSON object each, with all known ids and without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.run_log import RunLogFormatter
from jobs.workers.step_log import outcome_of, step_ids
from orders_pipeline.api.protocol.request_log import name_the_parts
from orders_pipeline.base.settings import LogFormat, LogLevel, Settings
from orders_pipeline.base.telemetry.logs import JsonFormatter, configure_logs, log_ids, masked

log = logging.getLogger("orders_pipeline.example")


@pytest.fixture
def root() -> Iterator[None]:
    """Restores the root logger after the test."""
    logger = logging.getLogger()
    before = logger.handlers, logger.level
    yield
    logger.handlers, logger.level = before
    logging.captureWarnings(False)


@pytest.fixture
def written(request: pytest.FixtureRequest) -> io.StringIO:
    """The lines of a JSON log at level info."""
    request.getfixturevalue("root")
    stream = io.StringIO()
    configure_logs(Settings(log_format=LogFormat.JSON), stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_logger_and_message(written: io.StringIO) -> None:
    log.info("two\nlines and %s", "an ümlaut")
    log.debug("too unimportant")
    (line,) = lines(written)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "info", "logger": log.name, "message": "two\nlines and an ümlaut"}


def test_ids_are_on_each_line_while_their_context_lasts(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_PROGRAM", "worker-orders")
    with log_ids(file="a.csv-1", run_id="r"), log_ids(batch=3):
        log.info("inside", extra={"seconds": 1.5, "password": "geheim"})
    log.info("outside")
    inside, outside = lines(written)
    ids = {"program": "worker-orders", "file": "a.csv-1", "run_id": "r", "batch": 3, "seconds": 1.5}
    assert {name: inside[name] for name in list(inside)[4:]} == ids
    assert list(outside) == ["time", "level", "logger", "message", "program"]


def test_an_error_brings_its_traceback_in_the_same_line(written: io.StringIO) -> None:
    try:
        raise ValueError("postgresql://ann:geheim@db/orders is away")
    except ValueError:
        log.exception("no connection to redis://:geheim@cache:6379/0")
    (line,) = lines(written)
    assert "Traceback" in line["error"]
    assert "postgresql://***@db/orders" in line["error"]
    assert line["message"] == "no connection to redis://***@cache:6379/0"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://user:p/a@ss@host//", "amqp://***@host//"),
        ("postgresql+psycopg2://u:p%40@host/db?x=1", "postgresql+psycopg2://***@host/db?x=1"),
        ("http://host/path:with@sign", "http://host/path:with@sign"),
        (
            "redis://host:6379/0 and mail to ann@example.org",
            "redis://host:6379/0 and mail to ann@example.org",
        ),
    ],
)
def test_passwords_in_urls_are_masked(url: str, shown: str) -> None:
    assert masked(f"see {url}") == f"see {shown}"


@pytest.mark.usefixtures("root")
def test_lines_for_people_name_their_ids_too() -> None:
    stream = io.StringIO()
    configure_logs(Settings(log_level=LogLevel.WARNING), stream)
    with log_ids(batch=3):
        log.warning("slow redis://:geheim@cache/0")
        log.info("too unimportant")
    assert stream.getvalue().endswith(
        " warning orders_pipeline.example: slow redis://***@cache/0 (batch=3)\n"
    )


def test_a_request_is_logged_without_query_and_client() -> None:
    record = logging.makeLogRecord(
        {
            "name": "uvicorn.access",
            "msg": '%s - "%s %s HTTP/%s" %d',
            "args": ("10.0.0.7:4711", "GET", "/api/orders?customer=Ann", "1.1", 200),
        }
    )
    assert name_the_parts(record)
    line = JsonFormatter().format(record)
    assert "10.0.0.7" not in line
    assert "Ann" not in line
    assert {"method": "GET", "path": "/api/orders", "status": 200}.items() <= json.loads(line).items()


def test_what_an_op_says_has_the_ids_of_its_run() -> None:
    meta = {"orig_message": "5 batches", "run_id": "r1", "step_key": "summary", "dagster_event": None}
    record = logging.makeLogRecord({"msg": "import_orders - r1 - summary - 5 batches", "dagster_meta": meta})
    line = json.loads(RunLogFormatter(JsonFormatter()).format(record))
    assert (line["message"], line["run_id"], line["step"]) == ("5 batches", "r1", "summary")


def test_ids_of_a_step_name_the_batch_of_a_fan_out() -> None:
    assert step_ids("r1", "import_file.load_orders[0012]", "a.csv-1") == {
        "file": "a.csv-1",
        "batch": 12,
        "run_id": "r1",
        "step": "import_file.load_orders[0012]",
    }
    assert step_ids("r1", "daily_kpis", None) == {"run_id": "r1", "step": "daily_kpis"}


@pytest.mark.parametrize(
    ("state", "events", "outcome"),
    [
        ("SUCCESS", ['{"event_type_value": "STEP_SUCCESS"}'], "done"),
        ("SUCCESS", ['{"event_type_value": "STEP_UP_FOR_RETRY"}'], "to be retried"),
        ("SUCCESS", ['{"event_type_value": "STEP_FAILURE"}'], "failed"),
        ("FAILURE", ValueError("no run"), "failed"),
    ],
)
def test_a_step_that_fails_in_a_task_that_ends_well_counts_as_failed(
    state: str, events: object, outcome: str
) -> None:
    assert outcome_of(state, events) == outcome
