"""What some orders have beside their lines: amounts, and payments that were made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import polars as pl
from sqlalchemy import Connection

from orders_pipeline.base.model import AmountKind
from orders_pipeline.store.bulk import insert_frame
from orders_pipeline.store.schema import order_amounts, recorded_payments


@dataclass(frozen=True, slots=True)
class MoreOfOrders:
    """Rows of `order_amounts` and `recorded_payments`; empty for files that say nothing of either."""

    amounts: pl.DataFrame
    recorded: pl.DataFrame

    @classmethod
    def of(cls, first_order_id: int, parsed: pl.DataFrame) -> Self:
        """The rows of parsed orders."""
        order_id = (pl.col("position") + first_order_id).alias("order_id")
        kinds = [kind.value for kind in AmountKind if kind.value in parsed.columns]
        if not kinds:
            amounts = pl.DataFrame()
        else:
            wide = parsed.select(order_id, *kinds)
            long = wide.unpivot(kinds, index="order_id", variable_name="kind", value_name="amount")
            amounts = long.filter(pl.col("amount") != 0).sort("order_id", "kind")
        if "paid" not in parsed.columns:
            return cls(amounts, pl.DataFrame())
        paid = parsed.filter(pl.col("paid").is_not_null(), pl.col("total") > 0)
        return cls(amounts, paid.select(order_id, "paid", "reference"))

    def insert(self, connection: Connection) -> None:
        """Writes the rows to the store."""
        for table, rows in ((order_amounts, self.amounts), (recorded_payments, self.recorded)):
            if rows.height:
                insert_frame(connection, table, rows)
