"""Lines without an order number: they may belong to the order of the lines above."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.orders.leaving_out import LEFT_OUT
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.cleaning import is_missing_word

_ITEM = (OrderField.SKU, OrderField.PRODUCT_NAME, OrderField.QUANTITY)
_HEAD = (OrderField.CUSTOMER_ID, OrderField.CUSTOMER_NAME, OrderField.ORDERED_AT)
# Records without values: they neither belong to an order nor end one.
_NOTHING = [RejectCode.BLANK_LINE.value, RejectCode.REPEATED_HEADER.value]


class FillDown:
    """Gives lines without an order number that of the line above, frame by frame.

    If the profile inherits order numbers, this completes the orders. If it does not, a line that may be an
    item of the order above is rejected together with it, because part of an order must never be charged. A
    line with another customer or date than the line above is an order of its own, without a number.

    Args:
        number_first: whether the order number is the first column; then it can be read in a broken record
            too.
    """

    def __init__(self, profile: Profile, *, number_first: bool) -> None:
        self._inherits = OrderField.ORDER_NUMBER in profile.inherit
        self._number_first = number_first
        self._above: dict[str, str | None] = {}

    def filled(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Fills `order` in a frame; without inheritance, also `problem` of the lines concerned."""
        heads = ["order", *(field.value for field in _HEAD if field.value in frame.columns)]
        if not frame["order"].null_count():
            self._above = frame.select(pl.col(heads).last().fill_null("")).row(0, named=True)
            return frame
        broken = pl.col("problem").is_not_null() & ~pl.col("problem").is_in(_NOTHING)
        own = pl.col("order")
        if self._inherits and not self._number_first:
            # The order number of a broken record may be the value of another column.
            own = pl.when(~broken).then(own)
        known = own.is_not_null()
        above = {
            name: pl.when(known)
            .then(pl.col(name).fill_null(""))
            .forward_fill()
            .fill_null(pl.lit(self._above.get(name), pl.String))
            for name in heads
        }
        table = frame.with_columns(**{f"above_{name}": value for name, value in above.items()}, known=known)
        self._above = table.select(pl.col(f"above_{name}").alias(name) for name in heads).row(-1, named=True)
        takes = ~pl.col("known") & pl.col("above_order").is_not_null()
        if self._inherits:
            takes &= ~pl.col("problem").is_in(_NOTHING).fill_null(value=False)
            filled = table.with_columns(order=pl.when(takes).then("above_order").otherwise("order"))
        else:
            takes &= pl.col("problem").is_null() & self._may_belong(frame, heads[1:])
            if LEFT_OUT in frame.columns:
                takes &= ~pl.col(LEFT_OUT)
            code = pl.lit(RejectCode.ORDER_NUMBER_MISSING.value)
            filled = table.with_columns(
                order=pl.when(takes).then("above_order").otherwise("order"),
                problem=pl.when(takes).then(code).otherwise("problem"),
            )
        return filled.select(frame.columns)

    def _may_belong(self, frame: pl.DataFrame, heads: list[str]) -> pl.Expr:
        """Whether a line has an item, and no customer or date that differs from the line above."""
        item = [_is_filled(field.value) for field in _ITEM if field.value in frame.columns]
        differs = [_is_filled(name) & (pl.col(name) != pl.col(f"above_{name}")) for name in heads]
        return pl.any_horizontal(item or [pl.lit(value=True)]) & ~pl.any_horizontal(
            differs or [pl.lit(value=False)]
        )


def _is_filled(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    return ((text != "") & ~is_missing_word(text)).fill_null(value=False)
