"""Finds runs that many small files share, for the code that watches and launches runs."""

from collections.abc import Sequence

from dagster import DagsterInstance, RunRecord, RunsFilter

from jobs.imports.runs.small_files import IMPORT_SMALL_FILES
from jobs.runs import unended_runs
from orders_pipeline.imports.import_row import Import


def shared_runs(instance: DagsterInstance) -> Sequence[RunRecord]:
    """Returns the shared runs that have not ended."""
    return unended_runs(instance, IMPORT_SMALL_FILES)


def shared_run_of(instance: DagsterInstance, found: Import) -> Sequence[RunRecord]:
    """Returns the run that last worked on an import, if it is a shared run."""
    if found.run_id is None:
        return []
    return instance.get_run_records(RunsFilter(job_name=IMPORT_SMALL_FILES, run_ids=[found.run_id]))
