"""The whole history of one order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, Table, select

from orders_pipeline.base.amounts.money import decimal_string, line_amount
from orders_pipeline.base.amounts.quantities import quantity_number
from orders_pipeline.base.clock import shown_time
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.lifecycle.provider_lines import provider_lines_of
from orders_pipeline.lifecycle.sent_messages import events_of, notices_of
from orders_pipeline.order_files.records.content import place_in
from orders_pipeline.store.schema import (
    authorizations,
    customers,
    failures,
    imports,
    order_amounts,
    order_lines,
    order_notes,
    orders,
    payments,
    products,
    refund_lines,
    refunds,
    reservations,
    sources,
)

REFUND_FIELDS = (
    *("refund_id", "kind", "method", "status", "amount", "shipping", "fee", "reason"),
    *(
        "requested_at",
        "requested_by",
        "needs_approval",
        "approved_by",
        "settled_at",
        "transaction_id",
        "failure",
    ),
)
REFUND_MONEY = ("amount", "shipping", "fee")


def find_orders(connection: Connection, number: str, source: str | None) -> list[dict[str, Any]]:
    """The histories of all orders with this number, one for each source, or only of the named source."""
    query = (
        select(orders, sources.c.name.label("source"), customers.c.name.label("customer_name"))
        .add_columns(imports.c.file_name, imports.c.partition_key, imports.c.identified)
        .join(sources, sources.c.id == orders.c.source_id)
        .join(imports, imports.c.id == orders.c.import_id)
        .outerjoin(customers, customers.c.id == orders.c.customer_id)
        .where(orders.c.number == number, orders.c.source_id.in_(select(sources.c.id)))
        .order_by(sources.c.name)
    )
    if source is not None:
        query = query.where(sources.c.name == source)
    return [_story(connection, row) for row in connection.execute(query).mappings().all()]


def _story(connection: Connection, order: RowMapping) -> dict[str, Any]:
    return {
        "order_id": order["number"],
        "source": order["source"],
        "status": order["status"],
        "attempt": order["attempt"],
        "customer_id": order["customer_id"],
        "customer_name": order["customer_name"],
        "currency": order["currency"],
        "total": decimal_string(order["total"], order["currency"]),
        "amounts": _amounts(connection, order["id"]),
        "day": str(order["day"]),
        "file": order["file_name"],
        "partition": order["partition_key"],
        "file_line": order["file_line"],
        "file_place": place_in(order["identified"], order["file_line"]),
        "ordered_at": shown_time(order["ordered_at"]),
        "loaded_at": shown_time(order["loaded_at"]),
        "lines": _lines(connection, order["id"]),
        "reservations": [_timed(row) for row in _of_order(connection, reservations, order["id"])],
        "payments": [
            _with_money(_timed(row), order["currency"], "amount", "refunded")
            for row in _of_order(connection, payments, order["id"])
        ],
        "authorizations": [_timed(row) for row in _of_order(connection, authorizations, order["id"])],
        **_refunds(connection, order["id"], order["currency"]),
        "provider_lines": provider_lines_of(connection, order["id"]),
        "failures": [_timed(row) for row in _of_order(connection, failures, order["id"])],
        "notes": _notes(connection, order["id"]),
        "events": events_of(connection, order["id"]),
        "notices": notices_of(connection, order["id"]),
    }


def _refunds(connection: Connection, order_id: int, currency: str) -> dict[str, Any]:
    """What was refunded and disputed, and each refund and dispute with its lines, oldest first."""
    query = select(refunds).where(refunds.c.order_id == order_id).order_by(refunds.c.id)
    rows = connection.execute(query).mappings().all()
    done = [row for row in rows if row["status"] == RefundStatus.COMPLETED]
    sums = {kind: sum(row["amount"] for row in done if row["kind"] == kind) for kind in RefundKind}
    return {
        "refunded": decimal_string(sums[RefundKind.REFUND], currency),
        "disputed": decimal_string(sums[RefundKind.DISPUTE], currency),
        "refunds": [
            {
                **_with_money({name: _timed(row)[name] for name in REFUND_FIELDS}, currency, *REFUND_MONEY),
                "lines": _refund_lines(connection, row["id"], currency),
            }
            for row in rows
        ],
    }


def _refund_lines(connection: Connection, refund: int, currency: str) -> list[dict[str, Any]]:
    line = refund_lines.c
    query = select(line.line, line.quantity, line.amount).where(line.refund == refund).order_by(line.line)
    return [
        _with_money({**row, "quantity": quantity_number(row["quantity"])}, currency, "amount")
        for row in connection.execute(query).mappings()
    ]


def _with_money(values: dict[str, Any], currency: str, *names: str) -> dict[str, Any]:
    """The values, with the named ones converted from minor units to decimal strings."""
    return {**values, **{name: decimal_string(values[name], currency) for name in names}}


def _lines(connection: Connection, order_id: int) -> list[dict[str, Any]]:
    query = (
        select(order_lines, products.c.sku, products.c.name)
        .join(products)
        .where(order_lines.c.order_id == order_id)
        .order_by(order_lines.c.line)
    )
    return [
        {
            "line": row["line"],
            "file_line": row["file_line"],
            "sku": row["sku"],
            "name": row["name"],
            "quantity": quantity_number(row["quantity"]),
            "total": line_amount(row["total"]),
            "discount": line_amount(row["discount"]),
        }
        for row in connection.execute(query).mappings()
    ]


def _amounts(connection: Connection, order_id: int) -> dict[str, str]:
    """Returns the amounts that the order owes in addition to its lines, by kind."""
    query = select(order_amounts.c.kind, order_amounts.c.amount).where(order_amounts.c.order_id == order_id)
    return {
        kind: line_amount(amount) for kind, amount in connection.execute(query.order_by(order_amounts.c.kind))
    }


def _of_order(connection: Connection, table: Table, order_id: int) -> list[RowMapping]:
    query = select(table).where(table.c.order_id == order_id).order_by(table.c.attempt)
    return list(connection.execute(query).mappings())


def _timed(row: RowMapping) -> dict[str, Any]:
    return {
        name: shown_time(value) if name.endswith("_at") else value
        for name, value in row.items()
        if name != "order_id"
    }


def _notes(connection: Connection, order_id: int) -> list[dict[str, Any]]:
    query = select(order_notes).where(order_notes.c.order_id == order_id).order_by(order_notes.c.id)
    rows = connection.execute(query).mappings()
    return [{"at": shown_time(row["noted_at"]), "note": row["note"]} for row in rows]
