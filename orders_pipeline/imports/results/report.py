"""The report of an import, in the shape that `orders import --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.money import decimal_string, line_amount
from orders_pipeline.base.model import SETTLED, OrderStatus
from orders_pipeline.imports.documents import identified_of, parsed_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.money_back.booked_refunds import booked_refunds
from orders_pipeline.imports.parsed_batches import order_ids
from orders_pipeline.order_files.parsed_file import FileWarning, ParsedFile
from orders_pipeline.store.schema import batches, orders, recorded_payments, rejects

COMPANION_CODE = "order_rejected"
PAID_NOT_DELIVERED = (
    "Orders that are already paid failed, for example because stock ran out. "
    "Restock and retry them, or give the money back."
)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The report of an import. `records` is the sum of the six line counts; revenue is of completed orders.

    `returns` counts the returns that the import accepted. Their lines are among the accepted ones. Known
    returns are duplicates or, with other content, rejected, and counted with the orders.

    `refunded` is what is booked as refunded because the file says it, of new and of known orders.

    `detected` lists what parsing found out about the file: what, value, confidence (0 to 1) and reason.
    `warnings` lists what a person should know about it: code, message and count. `amounts` has the sums of
    discounts, shipping, taxes and so on of the accepted orders, by currency.
    """

    partition: str
    file: str
    profile: str
    records: int
    accepted_lines: int
    rejected_lines: int
    lines_of_rejected_orders: int
    duplicate_lines: int
    left_out_lines: int
    repeated_lines: int
    returns: int
    orders: dict[str, int]
    statuses: dict[str, int]
    revenue: dict[str, str]
    rejects_by_code: dict[str, int]
    refunded: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    orders_per_second: float = 0.0
    detected: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    amounts: dict[str, dict[str, str]] = field(default_factory=dict)


def report_import(connection: Connection, found: Import, seconds: float) -> ImportReport:
    """Reports an import as it is now.

    Args:
        seconds: from the command's start to the last order settled.
    """
    sums, parsed = _sums(connection, found.id), _parsed(found)
    accepted = sum(sums[status] for status in OrderStatus)
    return ImportReport(
        partition=found.key,
        file=found.file_name,
        profile=found.profile,
        records=found.records,
        accepted_lines=sums["accepted_lines"] + found.return_lines,
        rejected_lines=found.rejected_lines,
        lines_of_rejected_orders=found.lines_of_rejected_orders
        + sums["conflict_lines"]
        + found.refused_return_lines,
        duplicate_lines=sums["duplicate_lines"] + found.duplicate_return_lines,
        left_out_lines=found.left_out_lines,
        repeated_lines=found.repeated_lines,
        returns=found.returns,
        orders={
            "accepted": accepted,
            "rejected": found.rejected_orders + sums["conflict_orders"] + found.refused_returns,
            "duplicate": sums["duplicate_orders"] + found.duplicate_returns,
        },
        statuses=_statuses(sums),
        revenue=revenue_of(connection, found.id),
        rejects_by_code=found.removed_rejects or count_rejects(connection, found.id),
        refunded=booked_refunds(connection, found) if parsed and parsed.refunded_orders else {},
        seconds=round(seconds, 3),
        orders_per_second=round(accepted / seconds, 1) if seconds > 0 else 0.0,
        detected=_detected(found, parsed),
        warnings=[*_warnings(parsed), *_undelivered(connection, found.id)],
        amounts=shown_amounts(parsed) if parsed else {},
    )


def _statuses(sums: Mapping[str, int]) -> dict[str, int]:
    """Settled orders by status; authorized ones only if there are any."""
    authorized = sums[OrderStatus.AUTHORIZED]
    waiting = {OrderStatus.AUTHORIZED.value: authorized} if authorized else {}
    return {status.value: sums[status] for status in SETTLED} | waiting


def _parsed(found: Import) -> ParsedFile | None:
    parsed = parsed_of(found)
    return parsed.file if parsed else None


def _detected(found: Import, parsed: ParsedFile | None) -> list[dict[str, Any]]:
    """The findings about how a file is read: from its beginning, or from all of it once it is parsed."""
    findings = parsed.detected if parsed else identified_of(found).findings
    return [asdict(finding) for finding in findings]


def _warnings(parsed: ParsedFile | None) -> list[dict[str, Any]]:
    """The warnings of parsing; none before the file is parsed."""
    return [asdict(warning) for warning in parsed.warnings] if parsed else []


def shown_amounts(parsed: ParsedFile) -> dict[str, dict[str, str]]:
    """The sums of amounts of a parsed file, as decimal strings."""
    return {
        currency: {kind: line_amount(amount, minor_digits(currency)) for kind, amount in amounts.items()}
        for currency, amounts in parsed.amounts.items()
    }


def _undelivered(connection: Connection, import_id: int) -> list[dict[str, Any]]:
    """A warning if orders failed that are paid elsewhere: the shop was paid for goods that it cannot send."""
    recorded = recorded_payments.c
    window = order_ids(connection, import_id)
    if window is None:
        return []
    failed = (
        select(func.count())
        .join_from(recorded_payments, orders, orders.c.id == recorded.order_id)
        .where(recorded.order_id.between(window.first, window.last), orders.c.status == OrderStatus.FAILED)
    )
    number = connection.execute(failed).scalar_one()
    return [asdict(FileWarning("paid_not_delivered", PAID_NOT_DELIVERED, number))] if number else []


def report_again(connection: Connection, found: Import) -> ImportReport:
    """Reports a file that was imported before: each of its lines is a duplicate."""
    sums, parsed = _sums(connection, found.id), _parsed(found)
    known = sum(sums[status] for status in OrderStatus) + sums["duplicate_orders"]
    known += found.returns + found.duplicate_returns
    return ImportReport(
        partition=found.key,
        file=found.file_name,
        profile=found.profile,
        records=found.records,
        accepted_lines=0,
        rejected_lines=0,
        lines_of_rejected_orders=0,
        duplicate_lines=found.records,
        left_out_lines=0,
        repeated_lines=0,
        returns=0,
        orders={"accepted": 0, "rejected": 0, "duplicate": known},
        statuses={status.value: 0 for status in SETTLED},
        revenue={},
        rejects_by_code={},
        detected=_detected(found, parsed),
        warnings=_warnings(parsed),
    )


def _sums(connection: Connection, import_id: int) -> dict[str, int]:
    names = (
        "accepted_lines",
        "duplicate_lines",
        "duplicate_orders",
        "conflict_lines",
        "conflict_orders",
        *OrderStatus,
    )
    sums = [func.coalesce(func.sum(batches.c[name]), 0).label(str(name)) for name in names]
    row = connection.execute(select(*sums).where(batches.c.import_id == import_id)).mappings().one()
    return {name: int(row[name]) for name in row}


def revenue_of(connection: Connection, import_id: int) -> dict[str, str]:
    """The revenue of an import's completed orders by currency, as decimal strings."""
    window = order_ids(connection, import_id)
    if window is None:
        return {}
    completed = orders.c.id.between(window.first, window.last) & (orders.c.status == OrderStatus.COMPLETED)
    currencies = sorted(connection.execute(select(orders.c.currency).where(completed).distinct()).scalars())
    if not currencies:
        return {}
    # Not GROUP BY: SQLite would sort all orders for it.
    sums = [func.sum(orders.c.total).filter(orders.c.currency == currency) for currency in currencies]
    totals = connection.execute(select(*sums).where(completed)).one()
    return {
        currency: decimal_string(total, currency) for currency, total in zip(currencies, totals, strict=True)
    }


def count_rejects(connection: Connection, import_id: int) -> dict[str, int]:
    """The number of rejects by code, without good lines that were lost with their order."""
    query = (
        select(rejects.c.code, func.count())
        .where(rejects.c.import_id == import_id, rejects.c.code != COMPANION_CODE)
        .group_by(rejects.c.code)
        .order_by(rejects.c.code)
    )
    return dict(connection.execute(query).all())


def rejects_of(
    connection: Connection, import_id: int, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """The rejects of an import in file order, including good lines that were lost with their order."""
    query = select(rejects).where(rejects.c.import_id == import_id).order_by(rejects.c.record, rejects.c.item)
    query = query.limit(limit).offset(offset)
    return [dict(row) for row in connection.execute(query).mappings()]
