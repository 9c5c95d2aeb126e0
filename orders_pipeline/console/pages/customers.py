"""The pages of customers: by spending or by search, and one customer with their orders."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.context import Currency
from orders_pipeline.api.endpoints.orders import Words
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.exports.customer_list import find_customer, search_customers
from orders_pipeline.exports.order_filter import OrderFilter
from orders_pipeline.exports.order_list import ORDER_LIST, list_orders
from orders_pipeline.exports.table import json_row
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.store.engine import reading

router = APIRouter()
PAGE, ORDERS_SHOWN = 50, 20


@router.get("/customers")
def customers(view: Shown, currency: Currency, text: Words = None, page: int = 1) -> Response:
    """Lists customers by spending, or those that match a text."""
    first = (max(1, min(page, 100_000)) - 1) * PAGE + 1
    if text:
        with reading(view.context.engine) as connection:
            found = search_customers(connection, text, PAGE)
        return view.page("customers.html", "customers", rows=found, currency=currency, more=None)
    rows = view.context.figures.boards.top(Board.CUSTOMERS, PAGE + 1, currency, first)
    more = page + 1 if len(rows) > PAGE else None
    return view.page("customers.html", "customers", rows=rows[:PAGE], currency=currency, more=more)


@router.get("/customers/{customer_id:path}")
def customer(view: Shown, customer_id: str) -> Response:
    """Shows a customer, their spending, and their newest orders."""
    with reading(view.context.engine) as connection:
        found = find_customer(connection, customer_id)
        if found is None:
            raise Refused(404, "There is no such customer.")
        rows, more = list_orders(connection, OrderFilter(customer=customer_id), ORDERS_SHOWN)
    return view.page(
        "customer.html",
        "customers",
        customer=found,
        rows=[json_row(ORDER_LIST, row) for row in rows],
        has_more=more is not None,
    )
