"""Makes refunds: a few refunds in this process, many through Dagster, and publishes the figures."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from cli.runs.gateway_runs import MOST_IN_THIS_PROCESS, publish_due, run_gateway_job, tell_unknown
from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.refunds.outcomes.publishing import publish_due_boards
from orders_pipeline.refunds.settle import RefundWork
from orders_pipeline.store.schema import refunds


def give_back(settings: Settings, engine: Engine, ids: Sequence[int]) -> None:
    """Settles refunds that wait for the gateway, and publishes the figures that they change.

    Raises:
        CommandFailed: their run failed.
    """
    if len(ids) > MOST_IN_THIS_PROCESS:
        hint = "Run the command again with the same file. No refund is requested twice."
        run_gateway_job(settings, _job, "the refunds", hint)
    elif ids:
        _give_back_here(settings, engine, ids)


def _job() -> str:
    from jobs.refunds.refund_orders import REFUND_ORDERS  # noqa: PLC0415 it loads Dagster

    return REFUND_ORDERS


def _give_back_here(settings: Settings, engine: Engine, ids: Sequence[int]) -> None:
    """Settles them in this process with a single try. `orders up` looks up unknown outcomes later."""
    gateway = connect_gateway(settings, engine)
    work = RefundWork.of(settings, engine, gateway)
    tell_unknown(work.once().settle(refunds.c.id.in_(ids)))
    publish_refunds(settings, engine, ids)


def publish_refunds(settings: Settings, engine: Engine, ids: Sequence[int]) -> None:
    """Publishes the leaderboards and days that refunds change. Without Redis, they are published later."""
    chosen = refunds.c.id.in_(ids)
    publish_due(settings, engine, lambda figures: publish_due_boards(engine, figures.boards, chosen))
