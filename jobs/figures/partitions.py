"""The days that a run of `daily_kpis` is for."""

from datetime import date, timedelta

from dagster import DagsterRun

from jobs.runs import PARTITION_TAG

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def days_of_run(run: DagsterRun) -> list[date] | None:
    """The days of a run's partition or range of partitions; None if it has none."""
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION_TAG)
    if first is None:
        return None
    start = date.fromisoformat(first)
    end = date.fromisoformat(run.tags.get(RANGE_END, first))
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]
