"""Groups typed lines into orders. One bad line rejects the whole order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import polars as pl

from orders_pipeline.order_files.columns.item_columns import NUMBER
from orders_pipeline.order_files.columns.money_columns import LineAmount
from orders_pipeline.order_files.columns.profile import CONTACT_FIELDS, PAYER_FIELDS, OrderField, Profile
from orders_pipeline.order_files.columns.return_rules import NAMED
from orders_pipeline.order_files.orders.named_orders import with_named_order
from orders_pipeline.order_files.orders.owed import KINDS, in_minor, owed_by_order, step_of
from orders_pipeline.order_files.orders.paid import (
    contradictions,
    paid_by_order,
    refund_warnings,
    with_payment,
)
from orders_pipeline.order_files.orders.repeated_orders import lines_once
from orders_pipeline.order_files.orders.reused_numbers import marked_reused
from orders_pipeline.order_files.parsed_file import FileWarning, merged_warnings
from orders_pipeline.order_files.reject_codes import EXPLAINED_BY_DETAIL, EXPLANATIONS, RejectCode
from orders_pipeline.order_files.values.amount_columns import columns_of
from orders_pipeline.order_files.values.amounts import MAX_TOTAL
from orders_pipeline.order_files.values.quantities import with_exact_sums

_WIDE = (
    "position",
    "number",
    "customer_id",
    "customer_name",
    "currency",
    "total",
    "ordered_at",
    "day",
    "first_line",
    "lines",
)


@dataclass(frozen=True, slots=True)
class SettledLines:
    """Valid orders, sorted by their first lines; their lines, grouped by order; and all rejected lines.

    Lines that are left out, and lines that repeat an order, are only counted. Accepted returns are in
    `returned`, in the same form as orders; rejects and counts include those of returns.
    """

    orders: pl.DataFrame
    lines: pl.DataFrame
    rejects: pl.DataFrame
    left_out: int = 0
    repeated: int = 0
    warnings: tuple[FileWarning, ...] = ()
    returned: SettledLines | None = None

    def with_returned(self, back: SettledLines) -> SettledLines:
        """Returns these orders together with the returns of the same lines of a file."""
        return replace(
            self,
            rejects=pl.concat([self.rejects, back.rejects]).sort("record", maintain_order=True),
            repeated=self.repeated + back.repeated,
            warnings=merged_warnings((*self.warnings, *back.warnings)),
            returned=replace(back, rejects=back.rejects.clear(), repeated=0, warnings=()),
        )


def settle_lines(
    frame: pl.DataFrame, headers: dict[str, str], profile: Profile, pages: Sequence[int] = ()
) -> SettledLines:
    """Groups lines into orders.

    Args:
        headers: the file's column name of each order field.
        pages: record numbers of the repeated headers.

    With `[amounts]` in the profile, orders have the columns `KINDS` and lines have `discount`. With
    `[payment]`, orders have `paid` and `reference`. Returns that may name an order have `order_number`.
    """
    once = lines_once(_by_order(frame), pages)
    frame = with_exact_sums(_marked_orders(marked_reused(once.lines, profile)))
    packed = profile.items.fields if profile.items else ()
    good = frame
    bad = frame.clear()
    if frame["code"].null_count() < frame.height:
        spoiled = pl.col("code").is_not_null()
        spoiled |= spoiled.any().over("run") & pl.col("order").is_not_null()
        good, bad = frame.filter(~spoiled), frame.filter(spoiled)
    orders, warnings = _orders(good, profile)
    if orders["code"].null_count() < orders.height:
        refused = orders.filter(pl.col("code").is_not_null())
        orders = orders.filter(pl.col("code").is_null())
        bad = pl.concat([bad, _refused_lines(good, refused)])
        good = good.filter(~pl.col("run").is_in(refused["run"].implode()))
    position = pl.int_range(orders.height, dtype=pl.Int64, eager=True)
    orders = (
        orders.with_columns(position=position).drop("run", "code", "detail").select(*_WIDE, pl.exclude(_WIDE))
    )
    return SettledLines(
        orders,
        _lines(good, orders),
        _rejects(bad, headers, packed),
        repeated=once.repeated,
        warnings=(*once.warnings, *warnings),
    )


def _refused_lines(good: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Returns the lines of rejected orders.

    The first line of each has the order's code, the others have none.
    """
    lines = good.drop("code", "detail").join(refused.select("run", "code", "detail"), on="run")
    first = pl.col("run").is_first_distinct()
    reasons = [pl.when(first).then(name).alias(name) for name in ("code", "detail")]
    return lines.with_columns(reasons).select(good.columns)


def merge_settled(pieces: list[SettledLines]) -> SettledLines:
    """Merges pieces with distinct orders and restores the order of the file."""
    if len(pieces) == 1:
        return pieces[0]
    orders = pl.concat(piece.orders for piece in pieces)
    places = orders["first_line"].arg_sort()
    position = places.arg_sort().cast(pl.Int64)
    starts = [sum(piece.orders.height for piece in pieces[:number]) for number in range(len(pieces))]
    shifted = (piece.lines["position"] + start for piece, start in zip(pieces, starts, strict=True))
    of_line = position.gather(pl.concat(shifted))
    returned = [piece.returned for piece in pieces if piece.returned]
    return SettledLines(
        orders.with_columns(position=position)[places],
        pl.concat(piece.lines for piece in pieces)
        .with_columns(position=of_line)
        .sort("position", maintain_order=True),
        pl.concat(piece.rejects for piece in pieces).sort("record", maintain_order=True),
        left_out=sum(piece.left_out for piece in pieces),
        repeated=sum(piece.repeated for piece in pieces),
        warnings=merged_warnings(warning for piece in pieces for warning in piece.warnings),
        returned=merge_settled(returned) if returned else None,
    )


def _by_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sorts the lines by order, in file order, and adds the number of the order as `run`."""
    runs = frame["order"].rle_id()
    if frame.height and runs[-1] + 1 != frame["order"].n_unique():
        numbered = frame.with_row_index("first").with_columns(pl.col("first").min().over("order"))
        frame = numbered.sort("first", maintain_order=True).drop("first")
        runs = frame["order"].rle_id()
    return frame.with_columns(run=runs)


def _marked_orders(frame: pl.DataFrame) -> pl.DataFrame:
    """Marks problems that show only in an order as a whole: mixed currencies and too large totals."""
    fine = frame.filter(pl.col("code").is_null())
    plain = fine["currency"].n_unique() <= 1
    if plain and (fine["total"].cast(pl.Int128).sum() or 0) <= MAX_TOTAL:
        return frame
    per_order = fine.group_by("run").agg(
        differs=pl.col("currency").n_unique() > 1,
        first_currency=pl.col("currency").first(),
        too_large=pl.col("total").cast(pl.Int128).sum() > MAX_TOTAL,
    )
    wrong = per_order.filter(pl.col("differs") | pl.col("too_large"))
    if not wrong.height:
        return frame
    differs = pl.col("code").is_null() & pl.col("differs")
    code = (
        pl.when(pl.col("code").is_not_null() | pl.col("differs").is_null())
        .then(pl.col("code"))
        .when(pl.col("differs"))
        .then(pl.lit(RejectCode.CURRENCY_DIFFERS.value))
        .otherwise(pl.lit(RejectCode.ORDER_TOTAL_TOO_LARGE.value))
    )
    detail = pl.when(differs).then(pl.col("first_currency")).otherwise(pl.col("detail"))
    joined = frame.join(wrong, on="run", how="left", maintain_order="left")
    return joined.with_columns(code=code, detail=detail)


def _orders(good: pl.DataFrame, profile: Profile) -> tuple[pl.DataFrame, tuple[FileWarning, ...]]:
    """Returns a row for each run, with `total` in minor units.

    `code` and `detail` are the reason of a rejection.
    """
    warnings: tuple[FileWarning, ...] = ()
    personal = [name for name in (*CONTACT_FIELDS, *PAYER_FIELDS) if name in good.columns]
    grouped = good.group_by("run", maintain_order=True).agg(
        number=pl.col("order").first(),
        customer_id=pl.col("customer_id").drop_nulls().first(),
        customer_name=pl.col("customer_name").drop_nulls().first(),
        currency=pl.col("currency").first(),
        exact=pl.col("total").sum(),
        unpriced=pl.col("total").null_count() > 0,
        ordered_at=pl.col("instant").first().dt.timestamp("us"),
        day=pl.col("day").first(),
        first_line=pl.col("line").first(),
        lines=pl.len().cast(pl.Int32),
        **{name: pl.col(name).drop_nulls().first() for name in personal},
    )
    step = step_of(pl.col("currency"))
    if amounts := profile.owes_amounts:
        owed = owed_by_order(good, amounts)
        orders = grouped.with_columns(owed.select("code", "detail", pl.col("owed").alias("total"), *KINDS))
    else:
        total = in_minor(pl.col("exact"), step)
        orders = grouped.with_columns(total=total).with_columns(
            code=_rounds_to_zero(), detail=pl.lit(None, pl.String)
        )
    orders = orders.drop("exact", "unpriced")
    if NAMED in good.columns:
        orders = with_named_order(orders, good)
    if profile.payment:
        said = paid_by_order(good, profile.payment)
        warnings = contradictions(said)
        orders = with_payment(orders, said, profile.payment, step).with_columns(
            code=pl.coalesce("code", said["code"]),
            detail=pl.when(pl.col("code").is_null()).then(said["detail"]).otherwise("detail"),
        )
        warnings += refund_warnings(orders.filter(pl.col("code").is_null()))
    return orders, warnings


def _rounds_to_zero() -> pl.Expr:
    return pl.when((pl.col("total") == 0) & ~pl.col("unpriced")).then(
        pl.lit(RejectCode.TOTAL_ROUNDS_TO_ZERO.value)
    )


def _lines(good: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    position = good["run"].rle_id().cast(pl.Int64)
    starts = orders["lines"].cast(pl.Int64).cum_sum() - orders["lines"]
    number = pl.int_range(1, good.height + 1, dtype=pl.Int64, eager=True) - starts.gather(position)
    discounts = [pl.col(name).fill_null(0) for name in columns_of(LineAmount.LINE_DISCOUNT, good)]
    return good.select(
        *([pl.sum_horizontal(discounts).alias("discount")] if discounts else ()),
        position=position,
        line_number=number.cast(pl.Int32),
        file_line="line",
        record="record",
        sku="sku",
        product_name="product_name",
        quantity="count",
        total="total",
    )


def _rejects(bad: pl.DataFrame, headers: dict[str, str], packed: Collection[str]) -> pl.DataFrame:
    table = bad.with_columns(code=pl.col("code").fill_null(RejectCode.ORDER_REJECTED.value))
    parts = [
        _explained(group, RejectCode(str(key)), headers, packed) for (key,), group in table.group_by("code")
    ]
    empty = _explained(table.clear(), RejectCode.BLANK_LINE, headers, packed)
    return pl.concat([empty, *parts]).sort("record")


def _explained(
    group: pl.DataFrame, code: RejectCode, headers: dict[str, str], packed: Collection[str]
) -> pl.DataFrame:
    explanation = EXPLANATIONS[code]
    field = explanation.field
    if field == "price":
        total = OrderField.LINE_TOTAL.value
        field = total if total in headers else OrderField.UNIT_PRICE.value
    own = field is not None and code not in EXPLAINED_BY_DETAIL
    value = _shown(str(field)) if own else pl.col("detail").fill_null("")
    message = explanation.message
    return group.select(
        record="record",
        line="line",
        order_number="order",
        column=_column(headers[field], numbered=field in packed)
        if field in headers
        else pl.lit(None, pl.String),
        code="code",
        message=pl.format(message, value) if "{}" in message else pl.lit(message),
        hint=pl.lit(explanation.hint),
        raw="raw",
    )


def _column(name: str, *, numbered: bool) -> pl.Expr:
    """Returns the name of a column, with the number of the item if it has the fields of several items."""
    text, number = pl.lit(name, pl.String), pl.col("item_number").cast(pl.String)
    if not numbered:
        return text
    if NUMBER in name:
        return text.str.replace(NUMBER, number.fill_null("1"), literal=True)
    return pl.coalesce(pl.format("{} of item {}", text, number), text)


def _shown(field: str) -> pl.Expr:
    name = {"order_number": "order", "status": "skipped"}.get(field, field)
    return pl.concat_str(
        pl.lit("'"), pl.col(name).fill_null("").str.strip_chars().str.slice(0, 80), pl.lit("'")
    )
