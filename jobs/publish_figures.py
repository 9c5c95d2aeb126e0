"""Publishes figures from a plain process: the KPI days that imports touched, and the leaderboards."""

from dagster import DagsterInstance

from jobs.figures.ops import PUBLISH_FIGURES
from jobs.launch import run_job


def publish_figures(instance: DagsterInstance) -> None:
    """Refreshes the KPIs and leaderboards of what imports touched.

    Raises:
        RunFailed: the run did not succeed.
    """
    run_job(instance, PUBLISH_FIGURES, {})
