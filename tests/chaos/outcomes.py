"""What imports came to, without ids and times: the same on every back end, however they were disturbed."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Engine, Select, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import (
    customer_totals,
    customers,
    failures,
    imports,
    order_lines,
    orders,
    payments,
    product_totals,
    products,
    rejects,
    reservations,
    sources,
)

Rows = list[tuple[Any, ...]]
NAMED = (sources.c.name.label("source"), orders.c.number)


def outcomes(engine: Engine) -> dict[str, Rows]:
    """Every business outcome of an order store, sorted."""
    with reading(engine) as connection:
        return {name: _sorted(connection, query) for name, query in _queries().items()}


def outcome_hash(engine: Engine) -> str:
    """One hash over all business outcomes."""
    return hashlib.sha256(repr(outcomes(engine)).encode()).hexdigest()


def units_sold(engine: Engine) -> dict[str, int]:
    """Units sold by SKU."""
    with reading(engine) as connection:
        return dict(connection.execute(select(products.c.sku, products.c.sold)).all())


def _sorted(connection: Connection, query: Select[Any]) -> Rows:
    return sorted((tuple(row) for row in connection.execute(query)), key=repr)


def _queries() -> dict[str, Select[Any]]:
    of_order = select(*NAMED).select_from(orders).join(sources, sources.c.id == orders.c.source_id)
    o, p, f = orders.c, payments.c, failures.c
    return {
        "orders": of_order.add_columns(
            o.status, o.attempt, o.customer_id, o.currency, o.total, o.ordered_at, o.day, o.file_line
        ),
        "lines": of_order.join(order_lines, order_lines.c.order_id == o.id)
        .join(products, products.c.id == order_lines.c.product_id)
        .add_columns(products.c.sku, order_lines.c.quantity, order_lines.c.total, order_lines.c.file_line),
        "reservations": of_order.join(reservations, reservations.c.order_id == o.id).add_columns(
            reservations.c.attempt, reservations.c.status
        ),
        "payments": of_order.join(payments, p.order_id == o.id).add_columns(
            p.attempt, p.amount, p.status, p.transaction_id, p.decline_reason
        ),
        "failures": of_order.join(failures, f.order_id == o.id).add_columns(f.attempt, f.reason, f.detail),
        "stock": select(products.c.sku, products.c.on_hand, products.c.reserved, products.c.sold),
        "customers": select(customers),
        "customer totals": select(customer_totals),
        "product totals": select(
            products.c.sku, product_totals.c.currency, *(product_totals.c[n] for n in COUNTED)
        ).join(product_totals, product_totals.c.product_id == products.c.id),
        "imports": select(imports.c.partition_key, imports.c.status, *(imports.c[n] for n in READ)),
        "rejects": select(imports.c.partition_key, *(rejects.c[n] for n in REJECTED)).join(
            rejects, rejects.c.import_id == imports.c.id
        ),
    }


COUNTED = ("orders", "units", "revenue")
READ = (
    *("records", "rejected_lines", "lines_of_rejected_orders", "rejected_orders"),
    *("left_out_lines", "repeated_lines"),
)
REJECTED = ("record", "line", "order_number", "column_name", "code", "message", "raw")
