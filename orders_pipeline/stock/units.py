"""Units of stock: sums the demand of orders, decides which orders are served, and moves units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Select,
    Table,
    case,
    func,
    select,
    update,
)

from orders_pipeline.base.amounts.quantities import Units
from orders_pipeline.base.model import FailureReason
from orders_pipeline.stock.receipts import note_receipts
from orders_pipeline.store.schema import order_lines, orders, products
from orders_pipeline.store.statements.order_sets import OrderSet
from orders_pipeline.store.statements.planner import any_join
from orders_pipeline.store.statements.temporary import fill, temporary
from orders_pipeline.store.units_type import UnitsColumn

_TABLE = temporary(
    "units_by_product",
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("units", UnitsColumn, nullable=False),
)


class Place(StrEnum):
    """Where units of a product are; each place is a column of `products`."""

    ON_HAND = "on_hand"
    RESERVED = "reserved"
    SOLD = "sold"


@dataclass(frozen=True, slots=True)
class UnitsByProduct:
    """The units that a set of orders wants or holds, by product; valid until the next `sum_units`.

    The sums are in a temporary table, so they are computed once and PostgreSQL's planner knows their number.

    Attributes:
        table: one row for each product: product_id, units.
    """

    table: Table


class Demand(NamedTuple):
    """An order line with a scarce product."""

    order_id: int
    attempt: int
    product_id: int
    units: Units


class ScarceProduct(NamedTuple):
    """A product with more demand than units on hand, or a product that is not listed."""

    id: int
    sku: str
    on_hand: Units
    listed: bool


class Refusal(NamedTuple):
    """An order that cannot be served, and the product that is missing."""

    order_id: int
    attempt: int
    reason: FailureReason
    sku: str


@dataclass(slots=True)
class Shelf:
    """The units left of the scarce products while orders are served one after the other."""

    products: Mapping[int, ScarceProduct]
    left: dict[int, Units] = field(init=False)

    def __post_init__(self) -> None:
        self.left = {product.id: product.on_hand for product in self.products.values()}

    def serve(self, wanted: Mapping[int, Units]) -> tuple[FailureReason, str] | None:
        """Takes all wanted units and returns None, or takes none and returns the reason and the SKU."""
        for product_id, units in wanted.items():
            product = self.products[product_id]
            if not product.listed:
                return FailureReason.UNKNOWN_PRODUCT, product.sku
            if self.left[product_id] < units:
                return FailureReason.OUT_OF_STOCK, product.sku
        for product_id, units in wanted.items():
            self.left[product_id] -= units
        return None


def refuse_unserved(demands: Iterable[Demand], scarce: Mapping[int, ScarceProduct]) -> list[Refusal]:
    """Serves orders with scarce products in the given order; returns the orders that cannot be served.

    Orders without scarce products are not in `demands`: there is enough for all of them.
    """
    shelf = Shelf(scarce)
    refusals = []
    for (order_id, attempt), lines in groupby(demands, key=lambda demand: (demand.order_id, demand.attempt)):
        wanted: dict[int, Units] = {}
        for line in lines:
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.units
        if refused := shelf.serve(wanted):
            refusals.append(Refusal(order_id, attempt, *refused))
    return refusals


def sum_units(connection: Connection, wanting: OrderSet) -> UnitsByProduct:
    """Sums the units on the lines of these orders by product."""
    named = wanting.ids.subquery()
    units = (
        select(order_lines.c.product_id, func.sum(order_lines.c.quantity))
        .join(named, named.columns.values()[0] == order_lines.c.order_id)
        .where(wanting.within(order_lines.c.order_id))
        .group_by(order_lines.c.product_id)
    )
    return note_units(connection, units)


def note_units(connection: Connection, units: Select[*tuple[Any, ...]]) -> UnitsByProduct:
    """Notes the units of a query of product ids and units, a row for each product."""
    fill(connection, _TABLE, units)
    return UnitsByProduct(_TABLE)


def find_scarce(connection: Connection, wanted: UnitsByProduct) -> dict[int, ScarceProduct]:
    """Returns the scarce products among those wanted; without a lock, others may take units at any time."""
    return _scarce(connection, _with_stock(wanted))


def lock_products(connection: Connection, wanted: UnitsByProduct) -> dict[int, ScarceProduct]:
    """Locks every wanted product in the order of ids and returns the scarce ones."""
    # FOR NO KEY UPDATE does not conflict with the key shares that loading a file takes on the products
    # of its lines, in file order. FOR UPDATE would, and could deadlock.
    locked = _with_stock(wanted).order_by(products.c.id).with_for_update(of=products, key_share=True)
    return _scarce(connection, locked)


def _with_stock(wanted: UnitsByProduct) -> Select[Any]:
    units = wanted.table.c
    return select(products.c.id, products.c.sku, products.c.on_hand, products.c.listed, units.units).join(
        wanted.table, units.product_id == products.c.id
    )


def _scarce(connection: Connection, wanted: Select[Any]) -> dict[int, ScarceProduct]:
    with any_join(connection):
        rows = connection.execute(wanted).all()
    return {
        row.id: ScarceProduct(row.id, row.sku, row.on_hand, row.listed)
        for row in rows
        if row.units > row.on_hand or not row.listed
    }


def demands_for(connection: Connection, wanting: OrderSet, scarce: Iterable[int]) -> Iterable[Demand]:
    """Yields the lines of these orders with the given products, in file order."""
    rows = connection.execute(
        select(orders.c.id, orders.c.attempt, order_lines.c.product_id, order_lines.c.quantity)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(wanting.here, wanting.within(order_lines.c.order_id))
        .order_by(order_lines.c.order_id, order_lines.c.line)
    )
    asked = set(scarce)
    return (Demand(*row) for row in rows if row.product_id in asked)


def move_reserved_units(connection: Connection, holding: OrderSet, target: Place) -> None:
    """Moves the units that these orders have reserved to another place."""
    units = sum_units(connection, holding)
    _lock_before_update(connection, units)
    move_units(connection, units, Place.RESERVED, target)


def put_returned_on_shelf(connection: Connection, units: UnitsByProduct) -> None:
    """Moves sold units that came back into stock."""
    _lock_before_update(connection, units)
    move_units(connection, units, Place.SOLD, Place.ON_HAND)


def restock_returned(connection: Connection, units: UnitsByProduct) -> None:
    """Puts units into stock that came back without the order that sold them: they count as restocked."""
    _lock_before_update(connection, units)
    number = units.table.c.units
    note_receipts(connection, select(units.table.c.product_id, number))
    more = {"restocked": products.c.restocked + number, Place.ON_HAND: products.c.on_hand + number}
    with any_join(connection):
        connection.execute(update(products).where(products.c.id == units.table.c.product_id).values(more))


def undo_return(connection: Connection, units: UnitsByProduct) -> None:
    """Moves returned units back to the sold ones. Units that have been sold again count as restocked."""
    _lock_before_update(connection, units)
    number, on_hand = units.table.c.units, products.c.on_hand
    same = products.c.id == units.table.c.product_id
    taken = case((on_hand < number, on_hand), else_=number)
    moved = {"on_hand": on_hand - taken, "sold": products.c.sold + number}
    moved["restocked"] = products.c.restocked + number - taken
    with any_join(connection):
        note_receipts(connection, select(products.c.id, number - on_hand).where(same, on_hand < number))
        connection.execute(update(products).where(same).values(moved))


def _lock_before_update(connection: Connection, units: UnitsByProduct) -> None:
    # Two UPDATE statements lock rows in no fixed order and could deadlock. SQLite has only one writer.
    if connection.dialect.name == "postgresql":
        lock_products(connection, units)


def move_units(connection: Connection, units: UnitsByProduct, source: Place, target: Place) -> None:
    """Moves units from one place to another; the caller holds the locks of the products."""
    number = units.table.c.units
    moved = {source: products.c[source] - number, target: products.c[target] + number}
    with any_join(connection):
        connection.execute(update(products).where(products.c.id == units.table.c.product_id).values(moved))
