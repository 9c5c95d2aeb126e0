"""Leaves lines out of their orders: free items, returned items, and lines with a listed value."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl

from orders_pipeline.order_files.columns.line_rules import LineKind
from orders_pipeline.order_files.columns.money_columns import TAX_TREATMENT, OrderAmount
from orders_pipeline.order_files.columns.profile import Profile, is_built_in
from orders_pipeline.order_files.orders.listed_values import ListedValues
from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.order_files.values.amount_columns import OUTSTANDING, PAID, columns_of
from orders_pipeline.order_files.values.returned import RETURNED

LEFT_OUT = "left_out"
_TEXTS = ("customer_id", "customer_name", "payment_column", "payment_reference", TAX_TREATMENT)
_RETURNED = (
    "Lines with a quantity below zero were left out of their orders. Returned units are not refunded by this "
    "import."
)


class LeavingOut:
    """Applies the listed values of `[lines] leave_out` to frames with the columns `out_N_M`."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        what, code = "leaves lines out", "leave_out_matches_nothing"
        self._rules = [
            [ListedValues(name, header, values, what, code) for name, header, values in rule]
            for rule in profile.left_out_columns
        ]

    def marked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replaces `out_N_M` by `left_out`: whether all columns of a rule have a listed value."""
        columns = [column for rule in self._rules for column in rule if column.name in frame.columns]
        if not columns:
            return frame
        for column in columns:
            column.remember(frame)
        rules = [pl.all_horizontal(column.matches for column in rule) for rule in self._rules]
        whole = pl.col("problem").is_null()
        names = [column.name for column in columns]
        return frame.with_columns((whole & pl.any_horizontal(rules)).alias(LEFT_OUT)).drop(names)

    def warnings(self) -> Iterator[FileWarning]:
        """Yields a warning for each column in which a listed value does not occur."""
        if not is_built_in(self._profile):
            columns = (column for rule in self._rules for column in rule)
            yield from (warning for column in columns for warning in column.warnings())


def without_left_out(
    lines: pl.DataFrame, kinds: Collection[LineKind], per_line: Collection[OrderAmount] = ()
) -> tuple[pl.DataFrame, int, tuple[FileWarning, ...]]:
    """Removes the lines that are left out from converted lines; also returns their number and warnings.

    Values of the order that only these lines have (customer, amounts, payment) are copied to the other lines
    of the order. Amounts that are divided among the lines (`per_line`) are left out with their lines.
    """
    marks = [pl.col(LEFT_OUT)] if LEFT_OUT in lines.columns else []
    whole = pl.col("problem").is_null()
    returned = whole & (pl.col("units") < 0)
    if RETURNED in lines.columns:
        returned &= ~pl.col(RETURNED)
    marks += [whole & (pl.col("price") == 0)] if LineKind.FREE in kinds else []
    marks += [returned] if LineKind.RETURNED in kinds else []
    if not marks:
        return lines, 0, ()
    out = lines.select(pl.any_horizontal(marks).fill_null(value=False)).to_series()
    if not out.any():
        return lines, 0, ()
    count = lines.filter(out).select(returned.sum()).item() if LineKind.RETURNED in kinds else 0
    warnings = (FileWarning("returned_left_out", _RETURNED, count),) if count else ()
    return _taken_over(lines, out, per_line).filter(~out), int(out.sum()), warnings


def _taken_over(lines: pl.DataFrame, out: pl.Series, per_line: Collection[OrderAmount]) -> pl.DataFrame:
    amounts = [name for kind in OrderAmount if kind not in per_line for name in columns_of(kind, lines)]
    amounts += [name for name in (PAID, OUTSTANDING) if name in lines.columns]
    said = {name: pl.when(pl.col(name) != 0).then(name) for name in amounts}
    said |= {
        name: pl.when(pl.col(name).str.strip_chars() != "").then(name)
        for name in _TEXTS
        if name in lines.columns
    }
    shared = (
        pl.coalesce(
            own,
            pl.when(~pl.col("out")).then(own).drop_nulls().first().over("order"),
            own.drop_nulls().first().over("order"),
            name,
        ).alias(name)
        for name, own in said.items()
    )
    return lines.with_columns(out=out).with_columns(shared).drop("out")
