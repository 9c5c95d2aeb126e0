"""The ops that make refunds: each runs one step of the core on its range of refunds."""

from collections.abc import Iterator

from dagster import (
    DynamicOut,
    DynamicOutput,
    In,
    Nothing,
    OpExecutionContext,
    Out,
    Output,
    ResourceParam,
    op,
)
from sqlalchemy import ColumnElement

from jobs.console_links import link
from jobs.dagster_seams.provenance import unchanging_output
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.refunds.metadata import refunds_metadata
from jobs.settling import settle
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.ranges import range_of, range_outputs
from jobs.workers.work import GATEWAY_WORK, SHORT_WORK
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.refunds.outcomes.publishing import publish_due_boards
from orders_pipeline.refunds.settle import open_windows, within
from orders_pipeline.store.engine import reading
from resources.figures import FigureStores
from resources.order_store import OrderStore
from resources.payment_gateway import PaymentGateways
from resources.refund_work import RefundWorks


@op(
    ins={"orders": In(Nothing)},
    out=DynamicOut(Nothing),
    retry_policy=THREE_TRIES,
    tags=SHORT_WORK | priority_tag(Priority.GO_ON),
)
def find_open_refunds(
    context: OpExecutionContext,
    order_store: ResourceParam[OrderStore],
    refund_work: ResourceParam[RefundWorks],
) -> Iterator[DynamicOutput[None]]:
    """Divides the refunds to be sent to the gateway, or published on leaderboards, into ranges of ids."""
    with permanent_failures(), order_store.open() as engine, reading(engine) as connection:
        windows = open_windows(connection, refund_work.at_once)
    context.log.info(f"{len(windows)} ranges of refunds are open")
    yield from range_outputs(windows)


@op(
    ins={"window": In(Nothing)},
    out=Out(Nothing),
    retry_policy=THREE_TRIES,
    tags=GATEWAY_WORK | priority_tag(Priority.GO_ON),
)
def settle_refunds(
    context: OpExecutionContext,
    refund_work: ResourceParam[RefundWorks],
    payment_gateway: ResourceParam[PaymentGateways],
    figures: ResourceParam[FigureStores],
) -> None:
    """Sends a range of refunds to the gateway, saves each outcome as it arrives, and updates leaderboards."""
    chosen = within(range_of(context))
    ended, unknown = settle(context, refund_work, payment_gateway, figures, chosen, _publish)
    context.add_output_metadata({"completed_or_undone": ended, "outcomes_unknown": unknown})


def _publish(figures: PublishedFigures, chosen: ColumnElement[bool]) -> int:
    return publish_due_boards(figures.engine, figures.boards, chosen)


@op(
    ins={"settled": In(Nothing)},
    out=Out(Nothing),
    retry_policy=THREE_TRIES,
    tags=SHORT_WORK | priority_tag(Priority.END),
)
def summarize_refunds(
    order_store: ResourceParam[OrderStore], figures: ResourceParam[FigureStores]
) -> Iterator[Output[None]]:
    """Counts the refunds of the store by status, by currency and by day."""
    with permanent_failures(), order_store.open() as engine, reading(engine) as connection:
        metadata = refunds_metadata(connection) | link(f"{figures.console_url}/refunds")
    yield unchanging_output(metadata)
