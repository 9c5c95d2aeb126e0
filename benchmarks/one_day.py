"""Materializes one day of `daily_kpis` in this process, and prints how long it took, as JSON."""

from __future__ import annotations

import json
import sys
import time

from dagster import DagsterEventType, DagsterInstance

from definitions import build_definitions
from jobs.figures.partitions import RANGE_END, RANGE_START
from jobs.figures.schedules import REFRESH_RECENT_KPIS
from orders_pipeline.base.settings import load_settings

TIMES = 3


def materialize(instance: DagsterInstance, day: str) -> tuple[float, float]:
    """Seconds from the start of the step to the last check, and of processors for the whole run."""
    job = build_definitions(load_settings()).resolve_job_def(REFRESH_RECENT_KPIS)
    began = time.process_time()
    run = job.execute_in_process(instance=instance, tags={RANGE_START: day, RANGE_END: day})
    processor = time.process_time() - began
    times = {
        kind: [one.timestamp for one in instance.all_logs(run.run_id, of_type=kind)]
        for kind in (DagsterEventType.STEP_START, DagsterEventType.ASSET_CHECK_EVALUATION)
    }
    checked, started = times[DagsterEventType.ASSET_CHECK_EVALUATION], times[DagsterEventType.STEP_START]
    return max(checked) - min(started), processor


def main() -> None:
    """Prints the best of some times, because the first one loads modules."""
    with DagsterInstance.get() as instance:
        seconds, processor = min(materialize(instance, sys.argv[1]) for _ in range(TIMES))
    sys.stdout.write(json.dumps({"wall": seconds, "processor": processor}) + "\n")


if __name__ == "__main__":
    main()
