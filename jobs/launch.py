"""Executes runs in this process until they end, with the same jobs that the UI launches."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from dagster import DagsterInstance, DagsterRunStatus, execute_job

from jobs.command_runs import fail_killed_runs, process_tag
from jobs.dagster_seams.repository import project_job
from jobs.dagster_seams.runs import first_causes
from jobs.imports.partitions import register_partition
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.small_files import IMPORT_SMALL_FILES, shared_config
from jobs.runs import PARTITION_TAG
from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.launch_socket import RunFailed
from orders_pipeline.base.settings import Settings

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """Yields the Dagster instance of this home, configured by the project's `dagster.yaml`.

    Runs of commands that were killed are marked as failed.
    """
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["ORDERS_HOME"] = str(settings.home)
    make_home(settings.home)
    with DagsterInstance.get() as instance:
        fail_killed_runs(instance)
        yield instance


def run_import(instance: DagsterInstance, key: str) -> str:
    """Runs `import_orders` for one file and returns the run's id.

    Raises:
        RunFailed: the run did not succeed.
    """
    register_partition(instance, key)
    return run_job(instance, IMPORT_ORDERS, {PARTITION_TAG: key})


def run_shared_import(instance: DagsterInstance, keys: Sequence[str]) -> None:
    """Runs `import_small_files` for these files. The outcome of each file is in the store."""
    # A failed run is not an error here: it fails if some files were refused or could not be imported.
    with suppress(RunFailed):
        run_job(instance, IMPORT_SMALL_FILES, {}, shared_config(keys))


def run_job(
    instance: DagsterInstance, name: str, tags: Mapping[str, str], config: Mapping[str, Any] | None = None
) -> str:
    """Runs a job of `definitions` to its end and returns the run's id.

    Raises:
        RunFailed: the run did not succeed.
    """
    job = project_job(name)
    run_config = QUIET | dict(config or {})
    with execute_job(job, instance, run_config=run_config, tags={**tags, **process_tag()}) as result:
        run_id = result.run_id
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not DagsterRunStatus.SUCCESS:
        raise RunFailed("; ".join(first_causes(instance, run_id)) or f"run {run_id} ended without success")
    return run_id
