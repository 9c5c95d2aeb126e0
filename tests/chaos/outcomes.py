"""The results of imports, without ids and times: equal on every back end, whatever the disturbances."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Engine, Select, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import (
    authorizations,
    customer_totals,
    customers,
    events,
    failures,
    imports,
    order_lines,
    orders,
    payments,
    product_totals,
    products,
    refund_lines,
    refunds,
    rejects,
    reservations,
    return_lines,
    returns,
    sources,
)

Rows = list[tuple[Any, ...]]
NAMED = (sources.c.name.label("source"), orders.c.number)


def outcomes(engine: Engine) -> dict[str, Rows]:
    """Every business outcome of an order store, sorted."""
    with reading(engine) as connection:
        return {name: _sorted(connection, query) for name, query in _queries().items()}


def outcome_hash(outcomes: dict[str, Rows]) -> str:
    """One hash over all business outcomes, independent of the number of transactions."""
    compared = {name: rows for name, rows in outcomes.items() if name not in VERSIONS}
    return hashlib.sha256(repr(compared).encode()).hexdigest()


def differences(found: dict[str, Rows], expected: dict[str, Rows]) -> list[str]:
    """The outcomes in which two stores differ, with the first row that only one of them has."""
    lines = []
    for name in found.keys() - VERSIONS.keys():
        more, less = set(found[name]) - set(expected[name]), set(expected[name]) - set(found[name])
        if more or less or len(found[name]) != len(expected[name]):
            lines.append(f"{name}: {next(iter(more), None)} instead of {next(iter(less), None)}")
    return sorted(lines)


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
        "events": of_order.join(events, events.c.order_id == o.id).add_columns(
            events.c.type, events.c.attempt
        ),
        "stock": select(
            products.c.sku,
            products.c.restocked,
            products.c.on_hand,
            products.c.reserved,
            products.c.sold,
        ),
        "returns": select(returns.c.number, returns.c.customer_id, returns.c.total, returns.c.day),
        "return lines": select(
            returns.c.number, products.c.sku, return_lines.c.quantity, return_lines.c.total
        )
        .join(return_lines, return_lines.c.return_id == returns.c.id)
        .join(products, products.c.id == return_lines.c.product_id),
        "customers": select(customers),
        "customer totals": select(*(column for column in customer_totals.c if column.name != "version")),
        "product totals": select(
            products.c.sku, product_totals.c.currency, *(product_totals.c[n] for n in COUNTED)
        ).join(product_totals, product_totals.c.product_id == products.c.id),
        "authorizations": of_order.join(authorizations, authorizations.c.order_id == o.id).add_columns(
            *(authorizations.c[n] for n in ("attempt", "status", "wanted", "reason", "detail", "failure"))
        ),
        "refunds": of_order.join(refunds, refunds.c.order_id == o.id).add_columns(
            *(refunds.c[n] for n in REFUNDED)
        ),
        "refund lines": of_order.join(refunds, refunds.c.order_id == o.id)
        .join(refund_lines, refund_lines.c.refund == refunds.c.id)
        .add_columns(*(refund_lines.c[n] for n in ("line", "quantity", "amount"))),
        **VERSIONS,
        "imports": select(imports.c.partition_key, imports.c.status, *(imports.c[n] for n in READ)),
        "rejects": select(imports.c.partition_key, *(rejects.c[n] for n in REJECTED)).join(
            rejects, rejects.c.import_id == imports.c.id
        ),
    }


# These versions count changes of totals, which depend on the number of transactions.
VERSIONS: dict[str, Select[Any]] = {
    "versions of customer totals": select(
        *(customer_totals.c[n] for n in ("customer_id", "currency", "version"))
    ),
    "versions of product totals": select(
        products.c.sku, product_totals.c.currency, product_totals.c.version
    ).join(product_totals, product_totals.c.product_id == products.c.id),
}
COUNTED = ("orders", "units", "revenue", "units_returned", "refunded")
REFUNDED = (
    *("attempt", "kind", "method", "amount", "shipping", "fee", "restock", "reason"),
    *("needs_approval", "status"),
)
READ = (
    *("records", "rejected_lines", "lines_of_rejected_orders", "rejected_orders"),
    *("left_out_lines", "repeated_lines"),
    *("returns", "return_lines", "duplicate_returns", "duplicate_return_lines"),
    *("refused_returns", "refused_return_lines"),
)
REJECTED = ("record", "line", "order_number", "column_name", "code", "message", "raw")
