"""The progress of an import, from the counts that each transaction on its batches keeps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from orders_pipeline.base.model import OPEN, OrderStatus
from orders_pipeline.store.schema import batches


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Orders of a file that have passed each stage; `orders` is 0 until the file is parsed."""

    orders: int
    loaded: int
    reserved: int
    charged: int
    settled: int


def status_counts(connection: Connection, import_id: int) -> dict[OrderStatus, int]:
    """Returns the number of an import's orders in each status."""
    sums = [func.coalesce(func.sum(batches.c[status]), 0) for status in OrderStatus]
    row = connection.execute(select(*sums).where(batches.c.import_id == import_id)).one()
    return {status: int(count) for status, count in zip(OrderStatus, row, strict=True)}


def progress_of(connection: Connection, import_id: int) -> ImportProgress:
    """The progress of an import."""
    names = ("orders", "loaded", "answered", "duplicate_orders", "conflict_orders", *OrderStatus)
    sums = [func.coalesce(func.sum(batches.c[name]), 0).label(str(name)) for name in names]
    row = connection.execute(select(*sums).where(batches.c.import_id == import_id)).mappings().one()
    total, loaded, failed = int(row["orders"]), int(row["loaded"]), int(row[OrderStatus.FAILED])
    known = int(row["duplicate_orders"]) + int(row["conflict_orders"])
    return ImportProgress(
        orders=total,
        loaded=loaded,
        reserved=loaded - int(row[OrderStatus.PENDING]),
        charged=min(loaded, known + failed + int(row["answered"])),
        settled=loaded - sum(int(row[status]) for status in OPEN),
    )
