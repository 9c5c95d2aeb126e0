"""Publishes the figures of touched days from a plain process."""

from dagster import DagsterInstance


def publish_touched(instance: DagsterInstance) -> None:
    """Refreshes the KPIs and leaderboards of what imports touched."""
