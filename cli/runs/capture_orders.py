"""Makes captures and voids, a few in this process, many through Dagster, and publishes the figures."""

from __future__ import annotations

from sqlalchemy import Engine

from cli.runs.gateway_runs import MOST_IN_THIS_PROCESS, publish_due, run_gateway_job, tell_unknown
from orders_pipeline.base.settings import Settings
from orders_pipeline.captures.publishing import publish_due_boards
from orders_pipeline.captures.request import Wanted
from orders_pipeline.captures.settle import CaptureWork
from orders_pipeline.payments.connect import connect_gateway


def take_to_gateway(settings: Settings, engine: Engine, wanted: Wanted) -> None:
    """Settles captures or voids, and publishes the figures that they change.

    Raises:
        CommandFailed: their run failed.
    """
    if wanted.orders > MOST_IN_THIS_PROCESS:
        hint = "Run the command again, or leave it to `orders up`."
        run_gateway_job(settings, _job, "the captures and voids", hint)
    elif wanted.orders:
        _take_here(settings, engine, wanted)


def _job() -> str:
    from jobs.captures.capture_orders import CAPTURE_ORDERS  # noqa: PLC0415 it loads Dagster

    return CAPTURE_ORDERS


def _take_here(settings: Settings, engine: Engine, wanted: Wanted) -> None:
    """Settles them in this process with a single try. `orders up` looks up unknown outcomes later."""
    gateway = connect_gateway(settings, engine)
    tell_unknown(CaptureWork.of(settings, engine, gateway).once().settle(wanted.chosen))
    publish_due(settings, engine, lambda figures: publish_due_boards(engine, figures.boards, wanted.chosen))
