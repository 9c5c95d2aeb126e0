"""Publishes figures in this process: the KPI days that imports changed, and the leaderboards."""

from dagster import DagsterInstance

from jobs.figures.ops import PUBLISH_FIGURES
from jobs.launch import run_job


def publish_figures(instance: DagsterInstance) -> None:
    """Refreshes the KPI days and leaderboards that imports changed.

    Raises:
        RunFailed: the run did not succeed.
    """
    run_job(instance, PUBLISH_FIGURES, {})
