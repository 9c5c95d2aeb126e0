"""Customers with what they spent: found by id, or by the beginning of their id or a part of their name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from orders_pipeline.base.amounts.money import json_money
from orders_pipeline.store.schema import customer_totals, customers
from orders_pipeline.store.statements.prefixes import starts_with

Document = dict[str, Any]


def find_customer(connection: Connection, customer_id: str) -> Document | None:
    """A customer, with completed orders, spending and refunds by currency."""
    row = connection.execute(select(customers).where(customers.c.id == customer_id)).one_or_none()
    if row is None:
        return None
    totals = customer_totals.c
    query = select(customer_totals).where(totals.customer_id == customer_id).order_by(totals.currency)
    return {
        "customer_id": row.id,
        "customer_name": row.name,
        "totals": [
            {
                "currency": total.currency,
                "orders": total.orders,
                "spent": json_money(total.spent, total.currency),
                "refunded": json_money(total.refunded, total.currency),
                "net": json_money(total.spent - total.refunded, total.currency),
            }
            for total in connection.execute(query)
        ],
    }


def search_customers(connection: Connection, text: str, limit: int) -> list[Document]:
    """Customers whose id or name begins with a text, then those whose name contains it, without case."""
    named, folded = customers.c.search_name, text.lower()
    found: dict[str, str | None] = {}
    for condition in (
        starts_with(connection, customers.c.id, text),
        starts_with(connection, named, folded),
        # All names are read, but only if few begin with the text.
        named.contains(folded, autoescape=True),
    ):
        if len(found) < limit:
            query = select(customers.c.id, customers.c.name).where(condition).limit(limit)
            found |= {row.id: row.name for row in connection.execute(query)}
    return [{"customer_id": key, "customer_name": name} for key, name in list(found.items())[:limit]]
