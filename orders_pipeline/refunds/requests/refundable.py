"""Finds what can be refunded of many orders at once: their payments, lines and earlier refunds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, Select, cast, func, select, type_coerce

from orders_pipeline.base.model import (
    OPEN_REFUNDS,
    AmountKind,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
    RefundKind,
    RefundStatus,
)
from orders_pipeline.refunds.requests.amounts import LineBack, LineLeft, OrderLeft, minor_unit
from orders_pipeline.store.schema import (
    order_amounts,
    order_lines,
    orders,
    payments,
    refund_lines,
    refunds,
    sources,
)
from orders_pipeline.store.statements.many_values import among, parts

TAKEN = (*OPEN_REFUNDS, RefundStatus.COMPLETED)
STATUSES = {status.value: status for status in OrderStatus}
METHODS = {method.value: method for method in PaymentMethod}
BESIDE_GOODS = (AmountKind.SHIPPING, AmountKind.FEE, AmountKind.TIP)


class FoundOrder(NamedTuple):
    """An order with a requested number."""

    id: int
    number: str
    source: str
    status: OrderStatus
    currency: str
    total: int


@dataclass(slots=True)
class Refundable:
    """What can be refunded of an order, in the currency's minor unit; open refunds count as refunded.

    Attributes:
        beside_goods: what the order owed for shipping, fees and tips.
        beside_refunded: the part of `beside_goods` that was refunded.
        disputed: what the customer's bank took back; not part of `refunded`.
        disputes: references of all disputes that were booked for the order, also of those that were won.
    """

    order: FoundOrder
    attempt: int
    method: PaymentMethod
    captured: int
    refunded: int
    left: OrderLeft
    beside_goods: int = 0
    beside_refunded: int = 0
    disputed: int = 0
    disputes: set[str | None] = field(default_factory=set)

    def take(self, amount: int, shipping: int, lines: Iterable[LineBack]) -> None:
        """Subtracts a decided refund, so that the next refund of the same order gets the rest."""
        self.refunded += amount
        self.beside_refunded += shipping
        for line in lines:
            of_line = self.left.lines[line.line]
            of_line.refunded_units += line.quantity
            of_line.refunded += line.amount


def find_orders(connection: Connection, numbers: Iterable[str]) -> dict[str, list[FoundOrder]]:
    """Returns the orders with these numbers, by number; a number may exist in several sources."""
    found: dict[str, list[FoundOrder]] = defaultdict(list)
    for order in _orders(connection, orders.c.number, numbers):
        found[order.number].append(order)
    return found


def orders_with(connection: Connection, ids: Iterable[int]) -> list[FoundOrder]:
    """Returns the orders with these ids."""
    return list(_orders(connection, orders.c.id, ids))


def _orders(connection: Connection, column: Column[Any], values: Iterable[Any]) -> Iterator[FoundOrder]:
    for part in parts(values):
        rows = connection.execute(query_orders(connection, column, part)).all()
        for order_id, number, source, status, currency, total in rows:
            yield FoundOrder(order_id, number, source, STATUSES[status], currency, total)


# Queries for thousands of orders. Each reads only one table, so that PostgreSQL always uses the index on the
# key.


def query_orders(connection: Connection, column: Column[Any], values: Sequence[Any]) -> Select[Any]:
    """Selects id, number, source, status, currency and total of orders."""
    o = orders.c
    return (
        select(o.id, o.number, sources.c.name, o.status, o.currency, o.total)
        .join(sources, sources.c.id == o.source_id)
        # With this condition, the unique index on source and number can be used.
        .where(o.source_id.in_(select(sources.c.id)), among(connection, column, values))
        .order_by(sources.c.name)
    )


def query_payments(connection: Connection, ids: Sequence[int]) -> Select[Any]:
    """Selects order_id, attempt, method, amount and refunded of payments, in the order of their orders."""
    p = payments.c
    query = select(p.order_id, p.attempt, p.method, p.amount, p.refunded)
    chosen = (among(connection, p.order_id, ids), p.status == PaymentStatus.SUCCEEDED)
    return query.where(*chosen).order_by(p.order_id)


def query_lines(connection: Connection, ids: Sequence[int]) -> Select[Any]:
    """Selects order_id, line, units in 1/1,000, net and product of lines."""
    lines = order_lines.c
    units, net = type_coerce(lines.quantity, BigInteger), lines.total - lines.discount
    query = select(lines.order_id, lines.line, units, net, lines.product_id)
    return query.where(among(connection, lines.order_id, ids)).order_by(lines.order_id, lines.line)


def query_beside_goods(connection: Connection, ids: Sequence[int]) -> Select[Any]:
    """Selects order_id and amount, in 1/10,000, of what orders owe for shipping, fees and tips."""
    amounts = order_amounts.c
    chosen = (among(connection, amounts.order_id, ids), amounts.kind.in_(BESIDE_GOODS))
    return select(amounts.order_id, amounts.amount).where(*chosen)


def query_returned(connection: Connection, ids: Sequence[int]) -> Select[Any]:
    """Selects order_id, line, units in 1/1,000 and amount of what was refunded for lines."""
    r, line = refunds.c, refund_lines.c
    units = cast(func.sum(type_coerce(line.quantity, BigInteger)), BigInteger)
    return (
        select(r.order_id, line.line, units, cast(func.sum(line.amount), BigInteger))
        .join(refund_lines, line.refund == r.id)
        .where(among(connection, r.order_id, ids), r.status.in_(TAKEN))
        .group_by(r.order_id, line.line)
    )


def find_refundable(
    connection: Connection, wanted: Iterable[FoundOrder], *, lock: bool
) -> dict[int, Refundable]:
    """Returns what is left of completed orders, by id. Orders without a payment owe nothing and are left out.

    Args:
        lock: whether to lock their payments until the transaction ends.
    """
    completed = {order.id: order for order in wanted if order.status is OrderStatus.COMPLETED}
    found: dict[int, Refundable] = {}
    for part in parts(completed):
        query = query_payments(connection, part)
        rows = connection.execute(query.with_for_update() if lock else query).all()
        lines, beside = _lines(connection, part), _beside_goods(connection, part)
        for order_id, attempt, method, captured, refunded in rows:
            order = completed[order_id]
            left = _left(order, lines[order_id], beside[order_id])
            besides = -(-beside[order_id] // minor_unit(order.currency))
            found[order_id] = Refundable(order, attempt, METHODS[method], captured, refunded, left, besides)
        _add_refunds(connection, part, found)
    return found


def _left(order: FoundOrder, lines: Mapping[int, LineLeft], beside: int) -> OrderLeft:
    goods = order.total * minor_unit(order.currency) - beside
    return OrderLeft(order.currency, max(goods, 0), lines)


def _lines(connection: Connection, ids: Sequence[int]) -> Mapping[int, dict[int, LineLeft]]:
    by_order: dict[int, dict[int, LineLeft]] = defaultdict(dict)
    for order_id, line, units, net, product in connection.execute(query_lines(connection, ids)).all():
        by_order[order_id][line] = LineLeft(line, units, net, product=product)
    return by_order


def _beside_goods(connection: Connection, ids: Sequence[int]) -> Mapping[int, int]:
    """Returns what orders owe for shipping, fees and tips, in 1/10,000."""
    beside: dict[int, int] = defaultdict(int)
    for order_id, amount in connection.execute(query_beside_goods(connection, ids)):
        beside[order_id] += amount
    return beside


def add_disputes(connection: Connection, found: Mapping[int, Refundable]) -> None:
    """Adds the references of the disputes of orders."""
    r = refunds.c
    query = select(r.order_id, r.transaction_id).where(r.kind == RefundKind.DISPUTE)
    for part in parts(found):
        for order_id, reference in connection.execute(query.where(among(connection, r.order_id, part))):
            found[order_id].disputes.add(reference)


def _add_refunds(connection: Connection, ids: Sequence[int], found: Mapping[int, Refundable]) -> None:
    r = refunds.c
    sums = (
        select(r.order_id, r.kind, func.sum(r.amount), func.sum(r.shipping))
        .where(among(connection, r.order_id, ids), r.status.in_(TAKEN))
        .group_by(r.order_id, r.kind)
    )
    rows = connection.execute(sums).all()
    if not rows:
        return
    for order_id, kind, amount, shipping in rows:
        if kind == RefundKind.DISPUTE:
            found[order_id].disputed = int(amount)
        else:
            found[order_id].beside_refunded = int(shipping)
    for order_id, line, units, amount in connection.execute(query_returned(connection, ids)):
        of_line = found[order_id].left.lines[line]
        of_line.refunded_units, of_line.refunded = units, amount
