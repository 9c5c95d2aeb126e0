"""The search of every page: orders, customers, products and files at once."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from orders_pipeline.api.models.actions import MOST_CHARACTERS
from orders_pipeline.console.rendering.rendering import Shown, url
from orders_pipeline.exports.customer_list import search_customers
from orders_pipeline.exports.order_filter import OrderFilter
from orders_pipeline.exports.order_list import ORDER_LIST, list_orders
from orders_pipeline.exports.table import json_row
from orders_pipeline.imports.import_row import search_imports
from orders_pipeline.stock.product_list import find_product, list_products
from orders_pipeline.store.engine import reading

router = APIRouter()
SHOWN = 8


@router.get("/search")
def search(view: Shown, q: Annotated[str, Query(max_length=MOST_CHARACTERS)] = "") -> Response:
    """Shows what matches a text; an exact order number or SKU redirects to its page."""
    text = q.strip()
    with reading(view.context.engine) as connection:
        rows, _ = list_orders(connection, OrderFilter(text=text), SHOWN) if text else ([], None)
        orders = [json_row(ORDER_LIST, row) for row in rows]
        exact = [one for one in orders if one["number"] == text]
        if len(exact) == 1:
            address = url(f"/orders/{quote(text)}", source=exact[0]["source"])
            return RedirectResponse(address, 303)
        if text and not orders and find_product(connection, text):
            return RedirectResponse(f"/products/{quote(text)}", 303)
        return view.page(
            "search.html",
            "",
            searched=text,
            orders=orders,
            customers=search_customers(connection, text, SHOWN) if text else [],
            products=list_products(connection, text, None, SHOWN) if text else [],
            files=search_imports(connection, text, SHOWN) if text else [],
        )
