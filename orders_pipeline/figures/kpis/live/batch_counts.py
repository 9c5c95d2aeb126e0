"""Batches of the order store, with the order counts that each transaction updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.store.schema import batches, imports

MOVES = ("progress_at", "loaded", *OrderStatus)


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """A batch and its order counts by status, all currencies together.

    Attributes:
        state: changes whenever one of its orders changes status.
        whole: whether all its orders are loaded, so that no other currency can be added.
        started_at: when its import started, in microseconds since 1970; 0 if it has not started.
    """

    name: str
    state: str
    whole: bool
    window: Window
    by_status: Mapping[str, int]
    started_at: int

    def in_status(self, *statuses: OrderStatus) -> int:
        """Returns the number of its orders with one of these statuses."""
        return sum(self.by_status[status] for status in statuses)


def batch_counts(connection: Connection, *conditions: ColumnElement[bool]) -> list[BatchCounts]:
    """Returns the batches that meet these conditions on the table `batches`."""
    query = select(batches, imports.c.started_at).join(imports, imports.c.id == batches.c.import_id)
    return [_counts(row) for row in connection.execute(query.where(*conditions)).mappings()]


def _counts(row: RowMapping) -> BatchCounts:
    first = row["first_order_id"]
    return BatchCounts(
        name=f"{row['import_id']}.{row['number']}",
        state="-".join(str(row[name]) for name in MOVES),
        whole=row["loaded"] >= row["orders"],
        window=Window(first, first + row["orders"] - 1),
        by_status={status.value: row[status] for status in OrderStatus},
        started_at=row["started_at"] or 0,
    )
