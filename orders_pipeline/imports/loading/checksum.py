"""The checksum of a batch, by which `orders verify` finds rows that were changed after they were loaded.

Each order line adds the product of its place (order and line) and its content (product, units, amounts), so
that both a changed line and two lines that were exchanged change the sum. Amounts and recorded payments of
orders add products, too. `verify/sql/accepted_lines_are_in_the_store.sql` has the same formula in SQL.
Operands are reduced modulo a prime, so that no sum leaves 64 bits.
"""

from __future__ import annotations

import polars as pl

PRIME = 65_521
LINES_AN_ORDER = 31


def checksum_of(lines: pl.DataFrame, amounts: pl.DataFrame, recorded: pl.DataFrame) -> int:
    """The sum over rows of `order_lines`, `order_amounts` and `recorded_payments`, which may be empty."""
    return (
        _sum(lines, product_id=7, quantity=11, total=13, discount=17)
        + _sum(amounts, amount=19)
        + _sum(recorded, paid=23)
    )


def _sum(rows: pl.DataFrame, **weights: int) -> int:
    if rows.is_empty():
        return 0
    line = _whole("line") if "line" in rows.columns else pl.lit(0)
    place = (_whole("order_id") * LINES_AN_ORDER + line) % PRIME + 1
    content = pl.sum_horizontal(
        _whole(name).abs() % PRIME * weight for name, weight in weights.items() if name in rows.columns
    )
    return int(rows.select((place * content).sum()).item())


def _whole(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64)
