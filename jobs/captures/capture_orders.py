"""The job that captures or voids authorized charges."""

from collections.abc import Iterator

from dagster import (
    DynamicOut,
    DynamicOutput,
    In,
    Nothing,
    OpExecutionContext,
    Out,
    ResourceParam,
    job,
    op,
)
from sqlalchemy import ColumnElement

from jobs.failures import THREE_TRIES, permanent_failures
from jobs.runs import LONG_RUN, RunGroup, RunPriority
from jobs.settling import settle
from jobs.workers.priorities import Priority, priority_tag
from jobs.workers.ranges import range_of, range_outputs
from jobs.workers.work import GATEWAY_WORK, SHORT_WORK
from orders_pipeline.captures.publishing import publish_due_boards
from orders_pipeline.captures.request import void_overdue
from orders_pipeline.captures.settle import open_windows, within
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.engine import reading
from resources.capture_work import CaptureWorks
from resources.figures import FigureStores
from resources.order_store import OrderStore
from resources.payment_gateway import PaymentGateways

CAPTURE_ORDERS = "capture_orders"


@op(out=DynamicOut(Nothing), retry_policy=THREE_TRIES, tags=SHORT_WORK | priority_tag(Priority.GO_ON))
def find_open_captures(
    context: OpExecutionContext,
    order_store: ResourceParam[OrderStore],
    capture_work: ResourceParam[CaptureWorks],
) -> Iterator[DynamicOutput[None]]:
    """Requests voids of orders that were not captured in time, and divides all open requests into ranges."""
    with permanent_failures(), order_store.open() as engine:
        overdue = void_overdue(engine, capture_work.hours)
        with reading(engine) as connection:
            windows = open_windows(connection, capture_work.at_once)
    context.log.info(
        f"{overdue} orders were not captured in time; {len(windows)} ranges of requests are open"
    )
    yield from range_outputs(windows)


@op(
    ins={"window": In(Nothing)},
    out=Out(Nothing),
    retry_policy=THREE_TRIES,
    tags=GATEWAY_WORK | priority_tag(Priority.GO_ON),
)
def settle_captures(
    context: OpExecutionContext,
    capture_work: ResourceParam[CaptureWorks],
    payment_gateway: ResourceParam[PaymentGateways],
    figures: ResourceParam[FigureStores],
) -> None:
    """Sends a range of captures and voids to the gateway, saves the outcomes, and updates leaderboards."""
    chosen = within(range_of(context))
    captured, unknown = settle(context, capture_work, payment_gateway, figures, chosen, _publish)
    context.add_output_metadata({"captured": captured, "outcomes_unknown": unknown})


def _publish(figures: PublishedFigures, chosen: ColumnElement[bool]) -> int:
    captured = publish_due_boards(figures.engine, figures.boards, chosen)
    figures.live.publish()
    return captured


@job(name=CAPTURE_ORDERS, tags=RunGroup.MONEY.tag | RunPriority.ASKED_FOR.tag | LONG_RUN)
def capture_orders_job() -> None:
    """Carries out requested captures and voids, and voids orders that were not captured in time."""
    find_open_captures().map(settle_captures)
