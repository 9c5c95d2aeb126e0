"""Data that some orders have in addition to lines: amounts, payments made elsewhere, and payment methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import polars as pl
from sqlalchemy import Connection

from orders_pipeline.base.model import AmountKind
from orders_pipeline.imports.loading.checksum import checksum_of
from orders_pipeline.order_files.columns.profile import PAYER_FIELDS
from orders_pipeline.store.schema import order_amounts, order_payers, recorded_payments
from orders_pipeline.store.statements.bulk import insert_frame


@dataclass(frozen=True, slots=True)
class MoreOfOrders:
    """Rows of `order_amounts`, `recorded_payments` and `order_payers`; empty if the file has no such data."""

    amounts: pl.DataFrame
    recorded: pl.DataFrame
    payers: pl.DataFrame

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
        recorded = pl.DataFrame()
        if "paid" in parsed.columns:
            paid = parsed.filter(pl.col("paid").is_not_null(), pl.col("total") > 0)
            recorded = paid.select(order_id, "paid", "reference")
        payers = pl.DataFrame()
        if named := [field.value for field in PAYER_FIELDS if field.value in parsed.columns]:
            payers = parsed.select(order_id, *named).filter(pl.any_horizontal(pl.col(named).is_not_null()))
        return cls(amounts, recorded, payers)

    def checksum_with(self, lines: pl.DataFrame) -> int:
        """The checksum of the money in these rows, and of the lines of the same orders."""
        return checksum_of(lines, self.amounts, self.recorded)

    def insert(self, connection: Connection) -> None:
        """Writes the rows to the store."""
        by_table = {order_amounts: self.amounts, recorded_payments: self.recorded, order_payers: self.payers}
        for table, rows in by_table.items():
            if rows.height:
                insert_frame(connection, table, rows)
