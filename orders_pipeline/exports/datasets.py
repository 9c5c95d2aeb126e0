"""The tables of `orders export`: columns with their meaning, and the rows behind them.

Each row is of one currency; nothing is added up over currencies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, Select, case, cast, func, select
from sqlalchemy import Column as SqlColumn

from orders_pipeline.base.clock import end_of_day, start_of_day
from orders_pipeline.base.model import MovementKind
from orders_pipeline.exports.columns_of_orders import ATTEMPTS, CURRENCY, NUMBER, TRANSACTION
from orders_pipeline.exports.order_filter import OrderFilter
from orders_pipeline.exports.order_list import DAY, ORDER_LIST, SOURCE, STATUS, all_orders
from orders_pipeline.exports.table import Column, ExportTable, Kind, Row
from orders_pipeline.figures.kpis import dictionary
from orders_pipeline.figures.kpis.kpi_documents import MONEY_FIELDS, rounded
from orders_pipeline.figures.kpis.reading_figures import read_figures
from orders_pipeline.figures.kpis.warehouse.rows import rows_of
from orders_pipeline.figures.tables import definitions
from orders_pipeline.figures.tables.table import Column as FigureColumn
from orders_pipeline.figures.tables.table import Kind as FigureKind
from orders_pipeline.figures.tables.table import Table
from orders_pipeline.refunds.listing import RefundFilter
from orders_pipeline.store.engine import reading
from orders_pipeline.store.provider_ids import order_of_charge, orders_of_others
from orders_pipeline.store.schema import (
    customer_totals,
    customers,
    order_lines,
    orders,
    payments,
    payout_lines,
    payouts,
    products,
    refunds,
    sources,
)

ROWS_AT_ONCE = 10_000


class Dataset(StrEnum):
    """The tables that can be exported."""

    DAILY_KPIS = "daily_kpis"
    ORDERS = "orders"
    ORDER_LINES = "order_lines"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    PAYOUTS = "payouts"
    PAYOUT_LINES = "payout_lines"
    PRODUCTS = "products"
    CUSTOMERS = "customers"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are exported: of these days, both included, in a zone, and of one currency or of all."""

    first: date | None = None
    last: date | None = None
    currency: str | None = None
    zone: tzinfo = UTC


def _kpi_kind(name: str, definition: dictionary.Definition) -> Kind:
    if name in MONEY_FIELDS:
        return Kind.MONEY
    kinds = {dictionary.DATE: Kind.DAY, dictionary.TIME: Kind.TIME, dictionary.INTEGER: Kind.INTEGER}
    kinds |= {dictionary.DECIMAL: Kind.DECIMAL}
    return Kind.UNITS if name == "units_sold" else kinds.get(definition.type, Kind.TEXT)


def _figures(table: Table, *names: str, money: Kind = Kind.MONEY) -> list[Column]:
    """Columns that the table of figures has too.

    Args:
        money: how the store holds amounts.
    """
    by_name = {column.name: column for column in table.columns}
    return [_figure(by_name[name], money) for name in names]


def _figure(column: FigureColumn, money: Kind) -> Column:
    kind = money if column.kind is FigureKind.MONEY else Kind[column.kind.name]
    return Column(column.name, kind, column.meaning, column.example)


LINES = ExportTable(
    "order_lines",
    "Lines of the orders of the days, whatever the outcome of the order.",
    (
        NUMBER,
        SOURCE,
        DAY,
        STATUS,
        CURRENCY,
        *_figures(definitions.ORDER_LINES, "line"),
        Column("sku", Kind.TEXT, "Product.", "SKU-002"),
        Column("product_name", Kind.TEXT, "Name of the product.", "USB-C Cable"),
        Column("quantity", Kind.UNITS, "Units, with up to three decimals for goods by weight.", 2),
        *_figures(definitions.ORDER_LINES, "total", "discount", money=Kind.LINE_MONEY),
        Column("file_line", Kind.INTEGER, "Line of the file.", 3),
    ),
)
PAYMENTS = ExportTable(
    "payments",
    "Payments of the orders of the days: one for each attempt that was charged, or paid elsewhere.",
    (
        NUMBER,
        SOURCE,
        DAY,
        Column("attempt", Kind.INTEGER, ATTEMPTS.meaning, 1),
        *_figures(definitions.PAYMENTS, "method"),
        Column("status", Kind.TEXT, "Status of the payment.", "succeeded"),
        *_figures(definitions.PAYMENTS, "amount"),
        CURRENCY,
        TRANSACTION,
        Column("decline_reason", Kind.TEXT, "Why the gateway declined it.", "insufficient_funds"),
        Column("requested_at", Kind.TIME, "When it was sent, in UTC.", "2025-11-10T12:00:00.000+00:00"),
        Column("answered_at", Kind.TIME, "When the outcome was known.", "2025-11-10T12:00:01.000+00:00"),
    ),
)
REFUNDS = ExportTable(
    "refunds",
    "Refunds and disputes: completed ones by the day of the refund or dispute, others by the day of the"
    " request.",
    (
        Column("refund_id", Kind.TEXT, dictionary.REFUND["refund_id"].meaning, "5f0c2a"),
        NUMBER,
        SOURCE,
        Column("kind", Kind.TEXT, dictionary.REFUND["kind"].meaning, "refund"),
        *_figures(definitions.REFUNDS, "method", "status", "amount", "shipping", "fee"),
        CURRENCY,
        Column("reason", Kind.TEXT, dictionary.REFUND["reason"].meaning, "damaged"),
        Column("requested_at", Kind.TIME, "When it was requested, UTC.", "2025-11-10T12:00:00.000+00:00"),
        Column("settled_at", Kind.TIME, "When its outcome was known.", "2025-11-10T12:00:01.000+00:00"),
        Column("day", Kind.DAY, dictionary.REFUND["day"].meaning, "2025-11-10"),
        Column("transaction_id", Kind.TEXT, dictionary.REFUND["transaction_id"].meaning, "txn_1"),
        Column("failure", Kind.TEXT, dictionary.REFUND["failure"].meaning, "declined"),
    ),
)
PAYOUTS = ExportTable(
    "payouts",
    "Payouts of payment providers by the day on which they were sent.",
    (
        Column("provider", Kind.TEXT, "Payment provider.", "stripe"),
        Column("reference", Kind.TEXT, "Id of the payout at the provider.", "po_1"),
        Column("paid_at", Kind.TIME, "When it was sent, in UTC.", "2025-11-12T00:00:00.000+00:00"),
        Column("lines", Kind.INTEGER, "Lines of the provider's reports in it.", 120),
        Column("gross", Kind.MONEY, "Sum of its lines before fees.", 1000.0),
        Column("fees", Kind.MONEY, "Fees that the provider kept.", 29.3),
        Column("net", Kind.MONEY, "Sum of its lines after fees.", 970.7),
        CURRENCY,
    ),
)
PAYOUT_LINES = ExportTable(
    "payout_lines",
    "Lines of payment providers' reports by the day of booking, with their fees, orders and payouts.",
    (
        Column(
            "number", Kind.TEXT, "Order number; empty if the line belongs to no payment in the store.", "1001"
        ),
        Column("source", Kind.TEXT, "Source of the order.", "default"),
        Column("provider", Kind.TEXT, "Payment provider.", "stripe"),
        Column("line", Kind.TEXT, "Id of the line at the provider.", "txn_1"),
        Column(
            "kind",
            Kind.TEXT,
            "charge, refund, refund_reversed, dispute, dispute_reversed, fee, payout or other.",
            "charge",
        ),
        Column("payment_reference", Kind.TEXT, "Id of the charge at the provider.", "pi_1"),
        Column("source_reference", Kind.TEXT, "Id of the refund or dispute at the provider.", "re_1"),
        Column("gross", Kind.MONEY, "Before the fee; negative if it leaves your balance.", 51.0),
        Column("fee", Kind.MONEY, "What the provider kept.", 1.78),
        Column("net", Kind.MONEY, "After the fee.", 49.22),
        CURRENCY,
        Column("booked_at", Kind.TIME, "When it was booked, in UTC.", "2025-11-10T12:00:00.000+00:00"),
        Column("payout", Kind.TEXT, "Its payout; empty while the provider holds the money.", "po_1"),
    ),
)
PRODUCTS = ExportTable(
    "products",
    "Products with their stock. A list price has no currency.",
    (
        Column("sku", Kind.TEXT, "Product.", "SKU-002"),
        Column("name", Kind.TEXT, "Name of the product.", "USB-C Cable"),
        Column("price", Kind.LINE_MONEY, "List price.", 19.99),
        *_figures(
            definitions.PRODUCTS, "listed", "initial_stock", "restocked", "on_hand", "reserved", "sold"
        ),
        *_figures(definitions.PRODUCTS, "category"),
    ),
)
CUSTOMERS = ExportTable(
    "customers",
    "Customers, with a row for each currency in which they have completed orders or refunds.",
    (
        *_figures(definitions.CUSTOMERS, "customer_id"),
        Column("customer_name", Kind.TEXT, "Name in the most recently loaded order.", "David Johnson"),
        Column("currency", Kind.TEXT, "ISO 4217 code; empty for a customer without completed orders.", "USD"),
        *_figures(definitions.CUSTOMERS, "order_count", "total_spent", "refunded"),
    ),
)
DAILY_KPIS = ExportTable(
    dictionary.DAILY_KPIS.name,
    dictionary.DAILY_KPIS.meaning,
    tuple(
        Column(name, _kpi_kind(name, definition), definition.meaning, definition.example)
        for name, definition in dictionary.DAILY_KPIS.definitions.items()
    ),
)
TABLES: dict[Dataset, ExportTable] = {
    Dataset.DAILY_KPIS: DAILY_KPIS,
    Dataset.ORDERS: ORDER_LIST,
    Dataset.ORDER_LINES: LINES,
    Dataset.PAYMENTS: PAYMENTS,
    Dataset.REFUNDS: REFUNDS,
    Dataset.PAYOUTS: PAYOUTS,
    Dataset.PAYOUT_LINES: PAYOUT_LINES,
    Dataset.PRODUCTS: PRODUCTS,
    Dataset.CUSTOMERS: CUSTOMERS,
}
WITHOUT_DAYS = (Dataset.PRODUCTS, Dataset.CUSTOMERS)
WITHOUT_CURRENCY = (Dataset.PRODUCTS,)


def export_rows(engine: Engine, warehouse: Path, dataset: Dataset, wanted: Wanted) -> Iterator[Row]:
    """Yields the rows of a table, from one snapshot of the order store.

    Args:
        warehouse: folder of the published figures, of which `daily_kpis` is read.

    Raises:
        FiguresElsewhere: another home publishes the figures.
        PartsLost: published files are lost.
    """
    if dataset is Dataset.DAILY_KPIS:
        yield from _daily_kpis(engine, warehouse, wanted)
        return
    with reading(engine) as connection:
        if dataset is Dataset.ORDERS:
            of_days = OrderFilter(first=wanted.first, last=wanted.last, currency=wanted.currency)
            yield from all_orders(connection, of_days)
        else:
            yield from _stored(connection, TABLES[dataset], _QUERIES[dataset](wanted))


def _stored(connection: Connection, table: ExportTable, query: Select[Any]) -> Iterator[Row]:
    return table.rows(connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)))


def _of_days(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.first is not None:
        yield orders.c.day >= wanted.first
    if wanted.last is not None:
        yield orders.c.day <= wanted.last
    if wanted.currency is not None:
        yield orders.c.currency == wanted.currency


def _lines(wanted: Wanted) -> Select[Any]:
    o, line = orders.c, order_lines.c
    return (
        select(o.number, sources.c.name, o.day, o.status, o.currency, line.line, products.c.sku)
        .add_columns(products.c.name, line.quantity, line.total, line.discount, line.file_line)
        .join_from(orders, sources, sources.c.id == o.source_id)
        .join(order_lines, line.order_id == o.id)
        .join(products, products.c.id == line.product_id)
        .where(*_of_days(wanted))
        .order_by(o.day, o.id, line.line)
    )


def _payments(wanted: Wanted) -> Select[Any]:
    o, paid = orders.c, payments.c
    return (
        select(o.number, sources.c.name, o.day, paid.attempt, paid.method, paid.status, paid.amount)
        .add_columns(o.currency, paid.transaction_id, paid.decline_reason)
        .add_columns(paid.requested_at, paid.answered_at)
        .join_from(orders, sources, sources.c.id == o.source_id)
        .join(payments, paid.order_id == o.id)
        .where(*_of_days(wanted))
        .order_by(o.day, o.id, paid.attempt)
    )


def _refunds(wanted: Wanted) -> Select[Any]:
    r, o = refunds.c, orders.c
    chosen = RefundFilter(
        currency=wanted.currency, first=wanted.first, last=wanted.last, zone=wanted.zone
    ).condition()
    return (
        select(r.refund_id, o.number, sources.c.name, r.kind, r.method, r.status, r.amount, r.shipping)
        .add_columns(r.fee, o.currency, r.reason, r.requested_at, r.settled_at, r.day)
        .add_columns(r.transaction_id, r.failure)
        .join_from(refunds, orders, o.id == r.order_id)
        .join(sources, sources.c.id == o.source_id)
        .where(chosen)
        .order_by(r.id)
    )


def _payouts(wanted: Wanted) -> Select[Any]:
    p, line = payouts.c, payout_lines.c
    # Of a payout's own line, only its fee.
    is_item = line.kind != MovementKind.PAYOUT
    gross, items = case((is_item, line.gross), else_=0), func.count(case((is_item, line.id)))
    sums = [cast(func.sum(value), BigInteger) for value in (gross, line.fee, gross - line.fee)]
    return (
        select(p.provider, p.reference, p.paid_at, items, *sums, p.currency)
        .join_from(payouts, payout_lines, line.payout_id == p.id)
        .where(*_between(wanted, p.paid_at, p.currency))
        .group_by(p.id, p.provider, p.reference, p.paid_at, p.currency)
        .having(items > 0)
        .order_by(p.paid_at, p.id)
    )


def _payout_lines(wanted: Wanted) -> Select[Any]:
    line, p, o = payout_lines.c, payouts.c, orders.c
    others = orders_of_others()
    charged = (order_of_charge(one) for one in (line.payment_ref, line.source_ref))
    return (
        select(o.number, sources.c.name, line.provider, line.line_key, line.kind, line.payment_ref)
        .add_columns(
            line.source_ref, line.gross, line.fee, line.net, line.currency, line.booked_at, p.reference
        )
        .outerjoin_from(payout_lines, others, others.c.id == line.source_ref)
        .outerjoin(orders, o.id == func.coalesce(*charged, others.c.order_id))
        .outerjoin(sources, sources.c.id == o.source_id)
        .outerjoin(payouts, p.id == line.payout_id)
        .where(*_between(wanted, line.booked_at, line.currency))
        .order_by(line.booked_at, line.id)
    )


def _between(
    wanted: Wanted, at: SqlColumn[int | None] | SqlColumn[int], currency: SqlColumn[str]
) -> Iterator[ColumnElement[bool]]:
    if wanted.first is not None:
        yield at >= start_of_day(wanted.first, wanted.zone)
    if wanted.last is not None:
        yield at <= end_of_day(wanted.last, wanted.zone)
    if wanted.currency is not None:
        yield currency == wanted.currency


def _products(_wanted: Wanted) -> Select[Any]:
    p = products.c
    columns = (p.sku, p.name, p.price, p.listed, p.initial_stock, p.restocked, p.on_hand, p.reserved, p.sold)
    return select(*columns, p.category).order_by(p.sku)


def _customers(wanted: Wanted) -> Select[Any]:
    c, total = customers.c, customer_totals.c
    query = (
        select(c.id, c.name, total.currency, total.orders, total.spent, total.refunded)
        .outerjoin_from(customers, customer_totals, total.customer_id == c.id)
        .order_by(c.id, total.currency)
    )
    return query if wanted.currency is None else query.where(total.currency == wanted.currency)


_QUERIES: dict[Dataset, Callable[[Wanted], Select[Any]]] = {
    Dataset.ORDER_LINES: _lines,
    Dataset.PAYMENTS: _payments,
    Dataset.REFUNDS: _refunds,
    Dataset.PAYOUTS: _payouts,
    Dataset.PAYOUT_LINES: _payout_lines,
    Dataset.PRODUCTS: _products,
    Dataset.CUSTOMERS: _customers,
}
_DAYS = """
    SELECT * FROM daily_kpis
    WHERE day BETWEEN $first AND $last AND ($currency IS NULL OR currency = $currency)
    ORDER BY day, currency
"""


def _daily_kpis(engine: Engine, warehouse: Path, wanted: Wanted) -> Iterator[Row]:
    first, last = wanted.first or date.min, wanted.last or date.max
    bound = {"first": first, "last": last, "currency": wanted.currency}
    found = read_figures(engine, warehouse, first, last, lambda opened: rows_of(opened, _DAYS, bound))
    return (_kpi_row(row) for row in found)


def _kpi_row(row: dict[str, Any]) -> Row:
    shown = row | {"declines_by_reason": json.dumps(row["declines_by_reason"])}
    shown["generated_at"] = row["generated_at"].replace(tzinfo=UTC)
    for name in MONEY_FIELDS:
        shown[name] = rounded(row[name], row["currency"])
    return [shown[name] for name in DAILY_KPIS.names]
