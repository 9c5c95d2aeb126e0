"""The pages of products: stock on hand and reserved, low stock, and one product with its sales and orders."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.context import Currency
from orders_pipeline.api.endpoints.orders import Words
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.exports.order_filter import OrderFilter
from orders_pipeline.exports.order_list import ORDER_LIST, list_orders
from orders_pipeline.exports.table import json_row
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.stock.low_stock import list_low_stock
from orders_pipeline.stock.product_list import find_product, list_products
from orders_pipeline.store.engine import reading

router = APIRouter()
PAGE, LOW_SHOWN, ORDERS_SHOWN = 50, 500, 20


@router.get("/products")
def products(view: Shown, text: Words = None, low: bool = False, cursor: Words = None) -> Response:
    """Lists products by SKU, or only those with low stock."""
    default = view.context.settings.low_stock
    with reading(view.context.engine) as connection:
        if low:
            found = list_low_stock(connection, default, LOW_SHOWN)
        else:
            found = list_products(connection, text, None, PAGE + 1, cursor)
    rows = found if low else found[:PAGE]
    more = rows[-1].sku if len(found) > len(rows) else None
    return view.page("products.html", "products", rows=rows, more=more, low=low, default=default)


@router.get("/products/{sku:path}")
def product(view: Shown, currency: Currency, sku: str) -> Response:
    """Shows a product: stock, sales, and the newest orders with it."""
    with reading(view.context.engine) as connection:
        found = find_product(connection, sku)
        if found is None:
            raise Refused(404, "There is no such product.")
        rows, more = list_orders(connection, OrderFilter(sku=sku), ORDERS_SHOWN)
    return view.page(
        "product.html",
        "products",
        product=found,
        default=view.context.settings.low_stock,
        place=view.context.figures.boards.place(Board.PRODUCTS, sku, currency),
        currency=currency,
        rows=[json_row(ORDER_LIST, row) for row in rows],
        has_more=more is not None,
    )
