"""Everything that is held on a customer, as one document for that person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.customers.held import held_on
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.store.schema import (
    customer_contacts,
    customer_totals,
    notifications,
    order_payers,
    orders,
    returns,
    sources,
)

TIMES = ("returned_at", "unsubscribed_at", "bounced_at", "created_at", "settled_at", "tried_at", "event_at")


def export_customer(connection: Connection, customer: str, actor: str) -> dict[str, Any]:
    """Everything that is held on a customer. The export is recorded.

    Raises:
        UnknownCustomerError: the store has no such customer.
    """
    held = held_on(connection, customer)
    document = {
        "customer_id": customer,
        "name": held.name,
        "contact": _rows(
            connection, customer_contacts, customer, "email", "language", "unsubscribed_at", "bounced_at"
        ),
        "totals": _totals(connection, customer),
        "orders": _orders(connection, customer),
        "means_of_payment": _payers(connection, customer),
        "returns": _returns(connection, customer),
        "notifications": _rows(
            connection,
            notifications,
            customer,
            "type",
            "channel",
            "status",
            "reason",
            "created_at",
            "settled_at",
        ),
        "rejected_lines": [one.raw for one in held.rejects],
        "staged_files": list(held.files.values()),
    }
    record_action(connection, actor, "customers.export", customer)
    return document


def _rows(connection: Connection, table: Table, customer: str, *names: str) -> list[dict[str, Any]]:
    columns = [table.c[name] for name in names]
    query = select(*columns).where(table.c.customer_id == customer)
    return [_shown(dict(row)) for row in connection.execute(query).mappings()]


def _orders(connection: Connection, customer: str) -> list[dict[str, Any]]:
    query = (
        select(orders.c.number, sources.c.name)
        .join(sources, sources.c.id == orders.c.source_id)
        .where(orders.c.customer_id == customer)
        .order_by(orders.c.ordered_at, orders.c.id)
    )
    return [
        story
        for number, source in connection.execute(query).all()
        for story in find_orders(connection, number, source)
    ]


def _payers(connection: Connection, customer: str) -> list[dict[str, Any]]:
    """Returns the payment gateway's ids of the customer and the means of payment, by order."""
    query = (
        select(orders.c.number, order_payers.c.payment_method, order_payers.c.customer_ref)
        .join(order_payers, order_payers.c.order_id == orders.c.id)
        .where(orders.c.customer_id == customer)
        .order_by(orders.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _returns(connection: Connection, customer: str) -> list[dict[str, Any]]:
    query = select(returns.c.number, returns.c.currency, returns.c.total, returns.c.returned_at)
    rows = connection.execute(query.where(returns.c.customer_id == customer)).mappings()
    return [_shown({**row, "total": decimal_string(row["total"], row["currency"])}) for row in rows]


def _totals(connection: Connection, customer: str) -> list[dict[str, Any]]:
    total = customer_totals.c
    query = select(total.currency, total.orders, total.spent, total.refunded)
    rows = connection.execute(query.where(total.customer_id == customer)).mappings()
    money = ("spent", "refunded")
    return [{**row, **{name: decimal_string(row[name], row["currency"]) for name in money}} for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name] for name in TIMES if row.get(name) is not None}
    return row | {name: to_datetime(value).isoformat() for name, value in times.items()}
