"""The days of a run of a partitioned asset."""

from datetime import date, timedelta

from dagster import DagsterRun, RunRequest, ScheduleEvaluationContext

from jobs.runs import PARTITION_TAG
from orders_pipeline.base.settings import Settings

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def days_of_run(run: DagsterRun) -> list[date] | None:
    """Returns the days of a run's partition or range of partitions; None if it has none."""
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION_TAG)
    if first is None:
        return None
    start = date.fromisoformat(first)
    end = date.fromisoformat(run.tags.get(RANGE_END, first))
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def last_days(context: ScheduleEvaluationContext, settings: Settings, *, before: int) -> RunRequest:
    """Returns one run for the day of a schedule's tick and `before` earlier days, from the first day on."""
    day = context.scheduled_execution_time.astimezone(settings.zone).date()
    first = max(day - timedelta(days=before), settings.first_day)
    return RunRequest(tags={RANGE_START: first.isoformat(), RANGE_END: day.isoformat()})
