"""Publishes the KPI days that an import changed within its run, if that takes a moment."""

from dagster import OpExecutionContext

from jobs.figures.metadata import day_materializations
from resources.figures import FigureStores


def publish_at_once(context: OpExecutionContext, figures: FigureStores) -> None:
    """Publishes few changed days. Otherwise, or on failure, `changed_days_sensor` does."""
    try:
        with figures.open() as published:
            events = day_materializations(published.refresh_at_once(), published.currency)
    except Exception as error:  # noqa: BLE001 the orders are settled, so the import does not fail
        context.log.warning(f"the figures are published later: {type(error).__name__}")
        return
    for event in events:
        context.log_event(event)
