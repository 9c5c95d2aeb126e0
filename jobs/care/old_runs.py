"""Retention of Dagster's runs, events and logs.

Dagster's own `delete_run` also deletes the run's materializations, so their partitions would no longer count
as materialized. Therefore a run with the latest materialization of a partition is kept, with only that event.
"""

from datetime import UTC, datetime, timedelta

from dagster import DagsterInstance, RunsFilter

from jobs.dagster_seams.event_log import (
    EventLog,
    event_log,
    holders_of_latest,
    remove_check_results,
    remove_event_file,
    remove_other_events,
    remove_runless_events,
)
from jobs.dagster_seams.runs import remove_files, tag_run
from jobs.dagster_seams.tick_logs import remove_tick_logs
from jobs.runs import FINISHED
from orders_pipeline.retention.removed import Removed

EMPTIED = "orders/events_removed"


def remove_old_runs(instance: DagsterInstance, days: int, *, dry: bool) -> list[Removed]:
    """Removes runs that ended more than this number of days ago.

    Runs with latest materializations are kept; their other events and logs are removed.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    log = event_log(instance)
    holding = set(holders_of_latest(log))
    old = _ids(instance, RunsFilter(statuses=list(FINISHED), updated_before=before))
    emptied = set(_ids(instance, RunsFilter(tags={EMPTIED: "true"})))
    whole = [run_id for run_id in old if run_id not in holding]
    to_empty = [run_id for run_id in old if run_id in holding and run_id not in emptied]
    if not dry:
        for run_id in whole:
            _delete(instance, log, run_id)
        for run_id in to_empty:
            _empty(instance, log, run_id)
    checks = remove_check_results(log, before, dry=dry)
    runless = remove_runless_events(log, before, dry=dry)
    return [
        Removed("runs", len(whole), days),
        Removed("events_of_runs", len(to_empty), days),
        Removed("check_results", checks, days),
        Removed("events_without_a_run", runless, days),
        Removed("logs_of_ticks", remove_tick_logs(instance, before, dry=dry), days),
    ]


def _delete(instance: DagsterInstance, log: EventLog, run_id: str) -> None:
    remove_files(instance, run_id)
    instance.delete_run(run_id)
    remove_event_file(log, run_id)


def _empty(instance: DagsterInstance, log: EventLog, run_id: str) -> None:
    remove_files(instance, run_id)
    remove_other_events(log, run_id)
    # Deleted last, so that the next removal repeats an interrupted one.
    tag_run(instance, run_id, {EMPTIED: "true"})


def _ids(instance: DagsterInstance, filters: RunsFilter) -> list[str]:
    return [record.dagster_run.run_id for record in instance.get_run_records(filters)]
