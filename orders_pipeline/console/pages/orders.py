"""The list of orders with its filters, and the page of an order with its history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.api.endpoints.orders import WantedOrders, Words
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.console.page_data.bulk import BulkAction
from orders_pipeline.console.page_data.order_story import history_of, sums_of
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.exports.formats.file_format import FileFormat
from orders_pipeline.exports.order_filter import BadCursorError, cursor_of, place_of
from orders_pipeline.exports.order_list import ORDER_LIST, list_orders, total_of
from orders_pipeline.exports.table import json_row
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.refunds.listing import RefundFilter, list_refunds
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import store_id

router = APIRouter()
PAGE = 50
FILTERS = (
    "text",
    "status",
    "reason",
    "customer",
    "sku",
    "file",
    "source",
    "start_date",
    "end_date",
    "currency",
)


@router.get("/orders")
def orders(
    view: Shown,
    wanted: WantedOrders,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Lists orders that match the filters, newest day first."""
    token = store_id(view.context.engine)
    try:
        after = place_of(cursor, wanted, token) if cursor is not None else None
    except BadCursorError as error:
        raise Refused(422, f"cursor: {error}") from None
    with reading(view.context.engine) as connection:
        rows, more = list_orders(connection, wanted, PAGE, after)
        total = total_of(connection, wanted)
    query = view.request.query_params
    return view.page(
        "orders.html",
        "orders",
        rows=[json_row(ORDER_LIST, row) for row in rows],
        more=cursor_of(more, wanted, token) if more else None,
        total=total,
        bulk_actions=list(BulkAction),
        statuses=[(one.value, one.value) for one in OrderStatus],
        reasons=list(FailureReason),
        formats=list(FileFormat),
        filters={name: query[name] for name in FILTERS if query.get(name)},
        is_filtered=any(query.get(name) for name in FILTERS),
    )


@router.get("/orders/{number:path}")
def order(view: Shown, number: str, source: Words = None) -> Response:
    """Shows an order; if several sources have an order with this number, shows the choice."""
    with reading(view.context.engine) as connection:
        found = find_orders(connection, number, source)
        wanted = RefundFilter(order=number, source=source)
        refunds = list_refunds(connection, wanted, PAGE)
    if not found:
        raise Refused(404, "There is no such order.")
    if len(found) > 1:
        return view.page("order_sources.html", "orders", found=found)
    (story,) = found
    return view.page(
        "order.html", "orders", order=story, history=history_of(story), sums=sums_of(story), refunds=refunds
    )
