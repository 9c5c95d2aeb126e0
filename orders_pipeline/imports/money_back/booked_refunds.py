"""Books refunds that an order file reports."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import ColumnElement, Connection, func, select

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.model import RefundStatus
from orders_pipeline.imports.documents import parsed_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.parsed_batches import order_ids
from orders_pipeline.store.schema import duplicate_orders, orders, refunds, sources

# The prefix of the idempotency keys of these refunds.
KEY = "recorded:"


def tells_refunds(found: Import) -> bool:
    """Whether the file of an import reports refunds of its orders."""
    parsed = parsed_of(found)
    return bool(parsed and parsed.file.refunded_orders)


def refunding_actor(found: Import) -> str:
    """Returns the actor of the refunds that an import's file reports."""
    return f"import:{found.key}"


def booked_refunds(connection: Connection, found: Import) -> dict[str, str]:
    """Returns the booked refunds that an import's file reports: decimal strings by currency."""
    window = order_ids(connection, found.id)
    if window is None:
        return {}
    known = (
        select(orders.c.id)
        .join(sources, sources.c.id == orders.c.source_id)
        .join(duplicate_orders, duplicate_orders.c.number == orders.c.number)
        .where(duplicate_orders.c.import_id == found.id, duplicate_orders.c.total >= 0)
        .where(sources.c.name == found.source)
    )
    order_id, sums = refunds.c.order_id, Counter[str]()
    # Two statements, so that each finds its refunds by the index on their order.
    for chosen in (order_id.between(window.first, window.last), order_id.in_(known)):
        sums += _sums_booked(connection, found, chosen)
    return {currency: decimal_string(amount, currency) for currency, amount in sorted(sums.items())}


def _sums_booked(connection: Connection, found: Import, chosen: ColumnElement[bool]) -> Counter[str]:
    r = refunds.c
    query = (
        select(orders.c.currency, func.sum(r.amount))
        .join(orders, orders.c.id == r.order_id)
        .where(chosen, r.requested_by == refunding_actor(found), r.status == RefundStatus.COMPLETED)
        .where(r.request_key.startswith(KEY))
        .group_by(orders.c.currency)
    )
    return Counter({currency: int(amount) for currency, amount in connection.execute(query)})
