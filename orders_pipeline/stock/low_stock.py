"""Records events about products whose stock has become low, and stores the low-stock thresholds."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, literal, select, update

from orders_pipeline.base.amounts.quantities import Units, quantity_number
from orders_pipeline.base.model import EventType
from orders_pipeline.events.recording import NewEvent, is_wanted, record_events
from orders_pipeline.stock.product_list import STOCKS, ProductStock, UnknownProductError, stocks_of
from orders_pipeline.stock.units import UnitsByProduct
from orders_pipeline.store.schema import products
from orders_pipeline.store.statements.planner import any_join


def record_low_stock(connection: Connection, taken: UnitsByProduct, default: Units | None) -> None:
    """Records an event for each product whose stock became low when these units were taken.

    Args:
        taken: units that have just left the shelf.
        default: low-stock threshold, in units on hand, of products without a threshold of their own.
    """
    if not is_wanted(connection, EventType.STOCK_LOW):
        return
    low = func.coalesce(products.c.low_stock, literal(default, products.c.low_stock.type))
    on_hand, units = products.c.on_hand, taken.table.c.units
    crossed = (
        select(products.c.sku, on_hand, low)
        .join(taken.table, taken.table.c.product_id == products.c.id)
        .where(on_hand <= low, on_hand + units > low)
        .order_by(products.c.id)
    )
    with any_join(connection):
        rows = connection.execute(crossed).all()
    recorded = [
        NewEvent(sku, {"sku": sku, "on_hand": quantity_number(left), "low_stock": quantity_number(number)})
        for sku, left, number in rows
    ]
    record_events(connection, EventType.STOCK_LOW, recorded)


def set_low_stock(connection: Connection, sku: str, low: Units | None) -> None:
    """Sets the low-stock threshold of a product, in units on hand. None: the setting applies.

    Raises:
        UnknownProductError: no product has this SKU.
    """
    if not connection.execute(update(products).where(products.c.sku == sku).values(low_stock=low)).rowcount:
        raise UnknownProductError(sku)


def count_low_stock(connection: Connection, default: Units | None) -> int:
    """Returns the number of products with low stock: at most as many units on hand as their threshold.

    Args:
        default: for products without a threshold of their own. None: only products with one are counted.
    """
    return connection.execute(select(func.count()).where(_is_low(default))).scalar_one()


def list_low_stock(connection: Connection, default: Units | None, limit: int) -> list[ProductStock]:
    """Returns the products with low stock, those with the fewest units first."""
    query = STOCKS.where(_is_low(default)).order_by(products.c.on_hand, products.c.sku)
    return stocks_of(connection, query.limit(limit))


def _is_low(default: Units | None) -> ColumnElement[bool]:
    return products.c.on_hand <= func.coalesce(
        products.c.low_stock, literal(default, products.c.low_stock.type)
    )
