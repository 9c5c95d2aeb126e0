"""Publishes the KPI days that an import changed at the end of its run, if this takes only a moment."""

from dagster import OpExecutionContext

from jobs.figures.logged import log_days
from resources.figures import FigureStores


def publish_at_once(context: OpExecutionContext, figures: FigureStores) -> None:
    """Publishes and checks the changed days if they are few.

    Otherwise, or on failure, `changed_days_sensor` does.
    """
    try:
        with figures.open() as published:
            log_days(context, published, published.refresh_at_once(), figures.console_url)
    except Exception as error:  # noqa: BLE001 the orders are settled, so the import does not fail
        context.log.warning(f"the figures are published later: {type(error).__name__}")
