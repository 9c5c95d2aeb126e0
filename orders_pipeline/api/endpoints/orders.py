"""Lists and searches orders, page by page, or as a file."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from orders_pipeline.api.context import Context, Days, OnlyCurrency
from orders_pipeline.api.exported import FILE, EscapeFormulas, table_file
from orders_pipeline.api.models.actions import MOST_CHARACTERS
from orders_pipeline.api.models.responses import OrderPage
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.exports.formats.file_format import FileFormat
from orders_pipeline.exports.order_filter import BadCursorError, OrderFilter, cursor_of, place_of
from orders_pipeline.exports.order_list import ORDER_LIST, all_orders, list_orders, total_of
from orders_pipeline.exports.table import json_row
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import store_id

router = APIRouter(tags=["orders"])
# Query parameters have no lone surrogates, which UTF-8 cannot encode; NUL is refused before.
Words = Annotated[str | None, Query(min_length=1, max_length=MOST_CHARACTERS)]


async def _wanted_orders(
    days: Days,
    currency: OnlyCurrency,
    status: Annotated[OrderStatus | None, Query(description="Only with this status.")] = None,
    customer: Words = None,
    sku: Words = None,
    file: Annotated[str | None, Query(max_length=MOST_CHARACTERS, description="Partition key.")] = None,
    source: Words = None,
    reason: Annotated[
        FailureReason | None, Query(description="Only those whose last attempt failed for this reason.")
    ] = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MOST_CHARACTERS,
            description="Order number, customer id or transaction id, or the beginning of one.",
        ),
    ] = None,
) -> OrderFilter:
    return OrderFilter(status, customer, sku, file, source, reason, text, *days, currency)


WantedOrders = Annotated[OrderFilter, Depends(_wanted_orders)]


@router.get("/orders", response_model=OrderPage, responses=FILE)
@router.get("/orders/", include_in_schema=False)
def list_of_orders(
    request: Request,
    context: Context,
    wanted: WantedOrders,
    limit: Annotated[int, Query(ge=1, le=1000, description="Orders on a page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(max_length=100, description="`next` of the previous page, with the same filters."),
    ] = None,
    file_format: Annotated[
        FileFormat | None,
        Query(alias="format", description="Return all orders as a file instead of a page."),
    ] = None,
    escape_formulas: EscapeFormulas = False,
) -> Response:
    """Orders, the newest day first. `next` is null on the last page, `total` if counting is slow."""
    if file_format is not None:
        return table_file(
            context,
            "orders",
            file_format,
            ORDER_LIST,
            lambda connection: all_orders(connection, wanted),
            escape_formulas=escape_formulas,
        )
    token = store_id(context.engine)
    try:
        after = place_of(cursor, wanted, token) if cursor is not None else None
    except BadCursorError as error:
        raise Refused(422, f"cursor: {error}") from None
    with reading(context.engine) as connection:
        rows, more = list_orders(connection, wanted, limit, after)
        total = total_of(connection, wanted)
    page: dict[str, Any] = {"next": cursor_of(more, wanted, token) if more else None, "total": total}
    return answer(request, [json_row(ORDER_LIST, row) for row in rows], **page)
