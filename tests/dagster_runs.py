"""Runs of Dagster without a process, for tests of code that watches runs."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, JobDefinition, graph


def create_run(
    instance: DagsterInstance, job_name: str, status: DagsterRunStatus, tags: Mapping[str, str] | None = None
) -> DagsterRun:
    """Creates a run of a job with this name that has a status and does nothing."""
    return instance.create_run_for_job(_empty_job(job_name), status=status, tags=tags)


def status_of(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    """The current status of a run."""
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found.status


def _empty_job(name: str) -> JobDefinition:
    @graph
    def nothing() -> None:
        """A job without ops."""

    return nothing.to_job(name)
