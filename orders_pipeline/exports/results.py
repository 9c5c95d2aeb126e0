"""The results of an order file: the outcome of each of its orders, in file order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.exports.columns_of_orders import (
    ATTEMPTS,
    CURRENCY,
    NUMBER,
    REFUNDED,
    TOTAL,
    TRANSACTION,
    failure_text,
    refunded_by_order,
)
from orders_pipeline.exports.table import Column, ExportTable, Kind, Row
from orders_pipeline.figures.kpis.warehouse.facts import settled_at
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.parsed_batches import order_ids
from orders_pipeline.imports.results.reject_export import require_rejects
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.store.schema import (
    duplicate_orders,
    failures,
    imports,
    order_returns,
    orders,
    payments,
    refunds,
    rejects,
    reservations,
    returns,
    sources,
)
from orders_pipeline.store.statements.order_sets import of_current_attempt

REJECTED, DUPLICATE, SKIPPED = "rejected", "duplicate", "skipped"
RESULTS = ExportTable(
    "results",
    "The outcome of each order of a file, in the order of the file. Lines without a readable order number"
    " have a row each. A return that the file reports is a row with a negative total.",
    (
        NUMBER,
        Column(
            "status",
            Kind.TEXT,
            "`completed`, `authorized`, `failed` or `rollback`; `rejected`, `duplicate` (imported before) or"
            " `skipped` (by its status in the file) if the file's order was not taken. While the import runs,"
            " also the statuses of open orders.",
            "completed",
        ),
        TOTAL,
        CURRENCY,
        REFUNDED,
        TRANSACTION,
        Column(
            "reason",
            Kind.TEXT,
            "Why it was not completed: a stable code, a colon and the details. Of a duplicate, the partition"
            " key of the file that has the order.",
            "declined: insufficient_funds",
        ),
        ATTEMPTS,
        Column(
            "settled_at",
            Kind.TIME,
            "When it was completed, failed or was rolled back, in UTC.",
            "2025-11-10T12:00:00.000+00:00",
        ),
        Column("file_line", Kind.INTEGER, "Line of the file on which it starts.", 2),
    ),
)
ROWS_AT_ONCE = 10_000


def result_rows(connection: Connection, found: Import) -> Iterator[Row]:
    """Yields the rows of `RESULTS` for an import.

    Raises:
        FileRefused: the rejected lines were removed because of their age, so the results would not be whole.
    """
    require_rejects(found)
    window = order_ids(connection, found.id)
    parts = [_rejected(found.id), _duplicates(found), _returned(found.id), _returned_of_orders(found.id)]
    if window:
        parts.append(_orders(window))
    place: list[ColumnElement[Any]] = [literal_column(name) for name in ("file_line", "number", "item")]
    query = union_all(*parts).order_by(*place).execution_options(yield_per=ROWS_AT_ONCE)
    return RESULTS.rows(row[: len(RESULTS.columns)] for row in connection.execute(query))


def _row(item: ColumnElement[Any] | None = None, **values: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """The columns of `RESULTS`, empty where no value is given, and a last one for the sequence."""
    columns: list[ColumnElement[Any]] = [
        cast(values.get(column.name, null()), _TYPES[column.kind]).label(column.name)
        for column in RESULTS.columns
    ]
    return [*columns, (literal(0) if item is None else item).label("item")]


_TYPES = {Kind.TEXT: String, Kind.INTEGER: BigInteger, Kind.MONEY: BigInteger, Kind.TIME: BigInteger}


def _orders(window: Window) -> Select[Any]:
    """The orders that the file brought."""

    def inside(column: ColumnElement[int]) -> ColumnElement[bool]:
        return column.between(window.first, window.last)

    refunded = refunded_by_order(inside)
    return (
        select(
            *_row(
                number=orders.c.number,
                status=orders.c.status,
                total=orders.c.total,
                currency=orders.c.currency,
                refunded=func.coalesce(refunded.c.amount, 0),
                transaction_id=payments.c.transaction_id,
                reason=failure_text(),
                attempts=orders.c.attempt,
                settled_at=settled_at(),
                file_line=orders.c.file_line,
            )
        )
        .outerjoin_from(
            orders, reservations, and_(of_current_attempt(reservations), inside(reservations.c.order_id))
        )
        .outerjoin(payments, and_(of_current_attempt(payments), inside(payments.c.order_id)))
        .outerjoin(failures, and_(of_current_attempt(failures), inside(failures.c.order_id)))
        .outerjoin(refunded, refunded.c.order_id == orders.c.id)
        .where(inside(orders.c.id))
    )


def _returned(import_id: int) -> Select[Any]:
    return select(
        *_row(
            number=returns.c.number,
            status=literal(OrderStatus.COMPLETED.value),
            total=-returns.c.total,
            currency=returns.c.currency,
            reason=literal("return"),
            settled_at=returns.c.loaded_at,
            file_line=returns.c.file_line,
        )
    ).where(returns.c.import_id == import_id)


def _returned_of_orders(import_id: int) -> Select[Any]:
    """Returns that were booked as refunds of the orders that they name."""
    r = order_returns.c
    return (
        select(
            *_row(
                number=r.number,
                status=literal(OrderStatus.COMPLETED.value),
                total=-func.min(refunds.c.amount),
                currency=func.min(r.currency),
                reason=literal("return"),
                settled_at=func.min(r.booked_at),
                file_line=func.min(r.file_line),
            )
        )
        .join(sources, sources.c.id == r.source_id)
        .join(refunds, refunds.c.request_key == literal("return:") + sources.c.name + "/" + r.number)
        .where(r.import_id == import_id)
        .group_by(r.number)
    )


def _duplicates(found: Import) -> Select[Any]:
    """Orders of the file that the store had; each with the file that brought it."""
    known = duplicate_orders.c
    source = select(imports.c.source_id).where(imports.c.id == found.id).scalar_subquery()
    return (
        select(
            *_row(
                number=known.number,
                status=literal(DUPLICATE),
                total=known.total,
                currency=known.currency,
                reason=imports.c.partition_key,
                file_line=known.file_line,
            )
        )
        .outerjoin_from(
            duplicate_orders, orders, and_(orders.c.source_id == source, orders.c.number == known.number)
        )
        .outerjoin(imports, imports.c.id == orders.c.import_id)
        .where(known.import_id == found.id)
    )


def _rejected(import_id: int) -> Select[Any]:
    """The rejected orders: of each, its first line and its first reason; and lines without a number."""
    r = rejects.c
    # Each line without a readable number has a row of its own.
    alone = or_(r.order_number.is_(None), r.code == RejectCode.ORDER_NUMBER_DAMAGED)
    order = (r.order_number, case((alone, r.record)), case((alone, r.item)))
    first = (r.code != RejectCode.STATUS_SKIPPED, r.code == RejectCode.ORDER_REJECTED, r.record, r.item)
    lines = (
        select(
            r.order_number,
            r.code,
            r.message,
            r.item,
            func.min(r.line).over(partition_by=order).label("file_line"),
            func.row_number().over(partition_by=order, order_by=first).label("place"),
        )
        .where(r.import_id == import_id)
        .subquery()
    )
    of = lines.c
    skipped = of.code == RejectCode.STATUS_SKIPPED
    return select(
        *_row(
            cast(of.item, Integer),
            number=of.order_number,
            status=case((skipped, SKIPPED), else_=REJECTED),
            reason=of.code.concat(": ").concat(of.message),
            file_line=of.file_line,
        )
    ).where(of.place == 1)
