"""Runs work at the payment gateway, in this process or through Dagster, and publishes the changed figures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

from sqlalchemy import Engine

from cli.failure import CommandFailed
from cli.output import progress
from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.stack import running_redis, running_workers
from cli.stack.supervision.stopped import ended_with_the_stack
from orders_pipeline.base.launch_socket import RunFailed
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.publisher import publisher_elsewhere
from orders_pipeline.figures.published_figures import PublishedFigures, open_figures
from orders_pipeline.services.redis_clients import UNREACHABLE

# With more requests than this, the work is done by workers through Dagster.
MOST_IN_THIS_PROCESS = 50


def tell_unknown(unknown: str | None) -> None:
    """Prints that an outcome is not known; `orders up` looks it up again."""
    if unknown:
        progress.print(f"[yellow]An outcome is not known yet:[/] {unknown}", highlight=False)


def publish_due(settings: Settings, engine: Engine, boards: Callable[[PublishedFigures], object]) -> None:
    """Publishes changed leaderboards and days. Without Redis, they are published later.

    Args:
        boards: publishes the leaderboards.
    """
    try:
        with (
            running_redis(settings, say=progress.print) as url,
            open_figures(engine, settings.warehouse, url, settings.currency, settings.zone) as figures,
        ):
            boards(figures)
            if not publisher_elsewhere(engine, settings.warehouse):
                figures.refresh_dirty_days()
    except (StackError, *UNREACHABLE) as error:
        progress.print(f"[yellow]The figures are published later under `orders up`:[/] {error}")


def run_gateway_job(settings: Settings, job: Callable[[], str], what: str, hint: str) -> None:
    """Runs a job of Dagster and publishes the figures.

    Args:
        job: loads the job and returns its name.
        what: the kind of work, for the error message.
        hint: what the user must do after a failure.

    Raises:
        CommandFailed: the run failed.
    """
    with ExitStack() as stack:
        # Loading takes two seconds, while the workers start.
        stack.enter_context(
            running_workers(settings, say=progress.print, meanwhile=lambda: import_module("definitions"))
        )
        stack.enter_context(ended_with_the_stack(Layout(settings.home)))
        from jobs.launch import dagster_instance, run_job  # noqa: PLC0415 see above
        from jobs.publish_figures import publish_figures  # noqa: PLC0415

        instance = stack.enter_context(dagster_instance(settings))
        try:
            run_job(instance, job(), {})
            publish_figures(instance)
        except RunFailed as failed:
            raise CommandFailed("run_failed", f"The run of {what} failed: {failed}", hint) from None
