"""A launch in Dagster can have instructions for reading the file; the findings are in the metadata."""

from __future__ import annotations

from typing import Any

from dagster import DagsterEventType, DagsterInstance, ExecuteInProcessResult

from definitions import build_definitions
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from tests.import_bench import ImportBench, Line, many_orders

OPEN_DATES = [Line(str(n), date=f"0{n}/02/2025 10:00") for n in range(1, 6)]


def run(bench: ImportBench, key: str, **given: Any) -> ExecuteInProcessResult:
    """Runs the import job for a partition key, with this config of its first op, if any."""
    job = build_definitions(bench.settings).resolve_job_def(IMPORT_ORDERS)
    config = {"import_order_file": {"ops": {"parse_order_file": {"config": given}}}}
    with DagsterInstance.ephemeral(tempdir=str(bench.folder)) as instance:
        return job.execute_in_process(
            instance=instance,
            tags={"dagster/partition": key},
            run_config={"ops": config} if given else None,
            raise_on_error=False,
        )


def error_of(result: ExecuteInProcessResult) -> str:
    failures = [event for event in result.all_events if event.is_step_failure]
    return " ".join(str(event.step_failure_data.error) for event in failures)


def test_a_date_format_in_the_run_config_opens_a_refused_file(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*OPEN_DATES))
    assert "can be read as DMY or MDY" in error_of(run(bench, key))
    assert run(bench, key, date_format="DMY").success
    assert {str(row[9]) for row in bench.rows("orders")} == {f"2025-02-0{n}" for n in range(1, 6)}
    assert run(bench, key).success


def test_a_limit_of_rejects_in_the_run_config_stops_the_file_before_any_order_enters(
    bench: ImportBench,
) -> None:
    key = bench.stage(bench.write(*many_orders(9), Line("bad", quantity=0)))
    result = run(bench, key, max_rejects="5%")
    assert not result.success
    assert "1 of 10 records are bad" in error_of(result)
    retries = [e for e in result.all_events if e.event_type is DagsterEventType.STEP_UP_FOR_RETRY]
    found = bench.found(key)
    assert (retries, bench.statuses()) == ([], {})
    assert (found.status, found.refused_code, found.max_rejects) == ("refused", "too_many_rejects", "5%")


def test_a_limit_that_was_staged_holds_for_a_launch_from_dagster(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(9), Line("bad", quantity=0)), max_rejects="0")
    assert not run(bench, key).success
    assert run(bench, key, max_rejects="10%").success
    assert bench.found(key).max_rejects == "10%"


def test_a_parsed_file_is_not_read_in_another_way(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(3)))
    assert run(bench, key).success
    result = run(bench, key, decimal=",")
    assert "stage the file again" in error_of(result)
    assert run(bench, key).success
    assert bench.found(key).status == "finished"


def test_the_metadata_tells_how_the_file_was_read_and_how_sure_that_is(bench: ImportBench) -> None:
    result = run(bench, bench.stage(bench.write(*OPEN_DATES)), date_format="MDY")
    metadata = [
        event.materialization.metadata["read_as"].value
        for event in result.all_events
        if event.is_step_materialization and "read_as" in event.materialization.metadata
    ]
    found = {record.data["what"]: record.data for table in metadata for record in table.records}
    assert (found["profile"]["value"], found["delimiter"]["value"]) == ("default", "comma")
    assert found["date order"]["value"] == "MDY"
    assert found["encoding"]["reason"]
