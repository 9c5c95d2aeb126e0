"""Stock: who is served when units run short, and the moves of units between the columns of `products`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from orders_pipeline.base.model import FailureReason
from orders_pipeline.lifecycle.batch import OrderSet, any_join
from orders_pipeline.store.schema import order_lines, orders, products

# Units by product, while a transaction lasts: summed up once, and of a size that PostgreSQL's planner sees.
wanted = Table(
    "wanted",
    MetaData(),
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("units", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DELETE ROWS",
)


class Demand(NamedTuple):
    """A line that asks for a scarce product."""

    order_id: int
    attempt: int
    product_id: int
    units: int


class ScarceProduct(NamedTuple):
    """A product of which more is wanted than there is, or that nobody sells."""

    id: int
    sku: str
    on_hand: int
    listed: bool


class Refusal(NamedTuple):
    """An order that cannot be served, and the product that it failed on."""

    order_id: int
    attempt: int
    reason: FailureReason
    sku: str


@dataclass(slots=True)
class Shelf:
    """What is left of the scarce products while orders are served in turn."""

    products: Mapping[int, ScarceProduct]
    left: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.left = {product.id: product.on_hand for product in self.products.values()}

    def serve(self, wanted: Mapping[int, int]) -> tuple[FailureReason, str] | None:
        """Takes all units wanted, or none and says why."""
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
    """Serves orders from scarce products in the given order; the orders that came too late.

    Orders that want no scarce product need no look: of the others there is enough for all.
    """
    shelf = Shelf(scarce)
    refusals = []
    for (order_id, attempt), lines in groupby(demands, key=lambda demand: (demand.order_id, demand.attempt)):
        wanted: dict[int, int] = {}
        for line in lines:
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.units
        if refused := shelf.serve(wanted):
            refusals.append(Refusal(order_id, attempt, *refused))
    return refusals


def gather_units(connection: Connection, wanting: OrderSet) -> None:
    """Puts the units that these orders want into `wanted`, by product."""
    named = wanting.ids.subquery()
    units = (
        select(order_lines.c.product_id, func.sum(order_lines.c.quantity))
        .join(named, named.columns.values()[0] == order_lines.c.order_id)
        .where(wanting.within(order_lines.c.order_id))
        .group_by(order_lines.c.product_id)
    )
    connection.execute(CreateTable(wanted, if_not_exists=True))
    connection.execute(delete(wanted))
    connection.execute(insert(wanted).from_select(wanted.columns.keys(), units))


def lock_scarce_products(connection: Connection) -> dict[int, ScarceProduct]:
    """Locks every wanted product, by id; those of which there is not enough."""
    query = (
        select(products.c.id, products.c.sku, products.c.on_hand, products.c.listed, wanted.c.units)
        .join(wanted, wanted.c.product_id == products.c.id)
        .order_by(products.c.id)
        # Not FOR UPDATE: files being loaded hold key shares on the products of their lines, in file order.
        .with_for_update(of=products, key_share=True)
    )
    with any_join(connection):
        rows = connection.execute(query).all()
    return {
        row.id: ScarceProduct(row.id, row.sku, row.on_hand, row.listed)
        for row in rows
        if row.units > row.on_hand or not row.listed
    }


def demands_for(connection: Connection, wanting: OrderSet, scarce: Iterable[int]) -> Iterable[Demand]:
    """The lines of these orders that ask for the given products, in file order."""
    rows = connection.execute(
        select(orders.c.id, orders.c.attempt, order_lines.c.product_id, order_lines.c.quantity)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(wanting.has(orders.c.id), wanting.within(order_lines.c.order_id))
        .order_by(order_lines.c.order_id, order_lines.c.line)
    )
    asked = set(scarce)
    return (Demand(*row) for row in rows if row.product_id in asked)


def release_units(connection: Connection, holding: OrderSet, target: str) -> None:
    """Moves the reserved units of these orders to another column of `products`."""
    gather_units(connection, holding)
    # An UPDATE takes its row locks in any order: two could wait for each other. SQLite has one writer.
    if connection.dialect.name == "postgresql":
        lock_scarce_products(connection)
    move_units(connection, "reserved", target)


def move_units(connection: Connection, source: str, target: str) -> None:
    """Moves the wanted units from one column of `products`, locked before, to another."""
    moved = {source: products.c[source] - wanted.c.units, target: products.c[target] + wanted.c.units}
    with any_join(connection):
        connection.execute(update(products).where(products.c.id == wanted.c.product_id).values(moved))
