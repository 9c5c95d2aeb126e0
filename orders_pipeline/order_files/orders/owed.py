"""What the customer of each order owes: lines and amounts, compared with the order's total in the file."""

from __future__ import annotations

import polars as pl

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.model import AmountKind
from orders_pipeline.order_files.columns.money_columns import (
    TAX_TREATMENT,
    AmountColumns,
    LineAmount,
    OrderAmount,
    TaxByColumn,
)
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.amount_columns import columns_of
from orders_pipeline.order_files.values.amounts import MAX_TOTAL, SCALE

_STEPS = {code: 10 ** (4 - digits) for code, digits in MINOR_DIGITS.items()}
KINDS = tuple(kind.value for kind in AmountKind)


def step_of(currency: pl.Expr) -> pl.Expr:
    """Returns the minor unit of each currency, in 1/10,000."""
    return currency.replace_strict(_STEPS, return_dtype=pl.Int64)


def in_minor(exact: pl.Expr, step: pl.Expr) -> pl.Expr:
    """Converts an amount in 1/10,000 to minor units, rounded half up."""
    return (exact + step // 2) // step


def owed_by_order(lines: pl.DataFrame, amounts: AmountColumns) -> pl.DataFrame:
    """Returns what each order owes; a row for each `run` of lines.

    Returns:
        A frame with `run`; `owed` in minor units; the amounts `KINDS` in 1/10,000 (`discount` without the
        discounts of lines; `tax` if prices do not contain it, otherwise `tax_included`; `rounding` if the
        stated total differs within the tolerance); `code` and `detail` of an order that is rejected.
    """
    table = _with_readings(_summed(lines, amounts), amounts)
    table = _decided(table, amounts)
    return table.select("run", "owed", *KINDS, "code", "detail")


def _summed(lines: pl.DataFrame, amounts: AmountColumns) -> pl.DataFrame:
    """Adds up the amounts of each order. One line of the order or each line may have an order's amount."""
    of_order = {kind: columns_of(kind, lines) for kind in OrderAmount}
    parts = [name for kind in amounts.per_line for name in of_order[kind]]
    columns = [name for names in of_order.values() for name in names if name not in parts]
    grouped = lines.group_by("run", maintain_order=True).agg(
        pl.col("currency").first(),
        pl.col("total").sum().alias("lines"),
        *(_of_lines(kind, columns_of(kind, lines)) for kind in LineAmount),
        *(_said(name).alias(name) for name in columns),
        *(_added(name).alias(name) for name in parts),
        _treatment(lines, amounts).alias(TAX_TREATMENT),
        _different(columns).alias("different"),
    )
    sums = {
        kind.value: pl.sum_horizontal(pl.col(name).fill_null(0) for name in names) if names else pl.lit(0)
        for kind, names in of_order.items()
    }
    for kind in (OrderAmount.TOTAL, OrderAmount.SUBTOTAL):
        if names := of_order[kind]:
            known = pl.any_horizontal(pl.col(name).is_not_null() for name in names)
            sums[kind.value] = pl.when(known).then(sums[kind.value])
        else:
            sums[kind.value] = pl.lit(None, pl.Int64)
    contained = bool(amounts.discount and amounts.line_level == "contained")
    inside = pl.col(LineAmount.LINE_DISCOUNT) if contained else pl.lit(0)
    line_tax = pl.lit(0) if amounts.tax and amounts.line_level == "contained" else pl.col(LineAmount.LINE_TAX)
    return grouped.select(
        "run",
        "lines",
        "different",
        TAX_TREATMENT,
        LineAmount.LINE_DISCOUNT.value,
        step_of(pl.col("currency")).alias("step"),
        **{
            **{kind: amount.cast(pl.Int64) for kind, amount in sums.items()},
            "discount": (sums["discount"] - inside).cast(pl.Int64),
            "taxes": (sums["tax"] + line_tax).cast(pl.Int64),
        },
    )


def _of_lines(kind: LineAmount, names: list[str]) -> pl.Expr:
    total = pl.sum_horizontal(pl.col(name).fill_null(0) for name in names).sum() if names else pl.lit(0)
    return total.cast(pl.Int64).alias(kind.value)


def _said(name: str) -> pl.Expr:
    """The amount of an order in a column: the value that is not zero, otherwise zero.

    Null if all are blank.
    """
    given = pl.col(name).drop_nulls()
    return pl.coalesce(given.filter(given != 0).first(), given.first())


def _added(name: str) -> pl.Expr:
    """The sum of the parts on the lines of an order; null if no line has a part."""
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum())


def _treatment(lines: pl.DataFrame, amounts: AmountColumns) -> pl.Expr:
    """Whether the prices of an order contain the tax, by the value of a column.

    Null if no list has the value.
    """
    by = amounts.tax_included
    if not isinstance(by, TaxByColumn) or TAX_TREATMENT not in lines.columns:
        return pl.lit(None, pl.Boolean).first()
    value = pl.col(TAX_TREATMENT).str.strip_chars().str.to_lowercase()
    said = value.filter(value != "").replace_strict(by.answers(), default=None, return_dtype=pl.Boolean)
    return pl.when(said.n_unique() == 1).then(said.first())


def _different(names: list[str]) -> pl.Expr:
    """The first column in which lines of an order have different amounts."""
    several = [
        pl.when(pl.col(name).filter(pl.col(name) != 0).n_unique() > 1).then(pl.lit(name)) for name in names
    ]
    return pl.coalesce(several) if several else pl.lit(None, pl.String)


def _with_readings(table: pl.DataFrame, amounts: AmountColumns) -> pl.DataFrame:
    """Adds the total of both readings, with the tax `added` and `contained`.

    `adds` is whether tax is added.
    """
    goods = pl.col("lines") - pl.col("line_discount") - pl.col("discount")
    before = goods + pl.col("shipping") + pl.col("fee") + pl.col("tip")
    step = pl.col("step")
    table = table.with_columns(contained=before, added=before + pl.col("taxes"))
    stated = in_minor(pl.col("total"), step)
    table = table.with_columns(
        stated=stated,
        off_contained=(stated - in_minor(pl.col("contained"), step)).abs(),
        off_added=(stated - in_minor(pl.col("added"), step)).abs(),
    )
    if amounts.taxes == "auto":
        return table.with_columns(adds=(pl.col("off_added") <= pl.col("off_contained")).fill_null(value=True))
    if isinstance(amounts.taxes, TaxByColumn):
        return table.with_columns(adds=~pl.col(TAX_TREATMENT).fill_null(value=False))
    return table.with_columns(adds=pl.lit(not amounts.taxes))


def _decided(table: pl.DataFrame, amounts: AmountColumns) -> pl.DataFrame:
    adds, step, stated = pl.col("adds"), pl.col("step"), pl.col("stated")
    exact = pl.when(adds).then("added").otherwise("contained")
    table = table.with_columns(exact=exact, off=pl.when(adds).then("off_added").otherwise("off_contained"))
    computed = in_minor(pl.col("exact"), step)
    off = pl.col("off") > amounts.tolerance
    trusted = off & (amounts.trust == "total")
    unexplained = pl.when(trusted).then(stated * step - pl.col("exact")).otherwise(0)
    rounding = pl.when(off).then(0).otherwise((stated - computed) * step)
    table = table.with_columns(
        owed=pl.coalesce(stated, computed),
        computed=computed,
        unexplained=unexplained.fill_null(0),
        rounding=rounding.fill_null(0),
        disagrees=(off & (amounts.trust != "total")).fill_null(value=False),
        tax=pl.when(adds).then("taxes").otherwise(0),
        tax_included=pl.when(adds).then(0).otherwise("taxes"),
    )
    code = pl.coalesce(pl.when(check).then(pl.lit(code.value)) for code, check in _checks(amounts))
    return _with_details(table.with_columns(code=code))


def _checks(amounts: AmountColumns) -> list[tuple[RejectCode, pl.Expr]]:
    undecided = pl.col("stated").is_null() & (pl.col("taxes") != 0) & (amounts.taxes == "auto")
    unstated = (
        (pl.col("taxes") != 0) & pl.col(TAX_TREATMENT).is_null() & isinstance(amounts.taxes, TaxByColumn)
    )
    nothing = pl.col("owed") == 0
    return [
        (RejectCode.AMOUNT_DIFFERS, pl.col("different").is_not_null() | (pl.col("discount") < 0)),
        (RejectCode.TOTAL_MISSING, undecided),
        (RejectCode.TAX_TREATMENT_UNKNOWN, unstated),
        (RejectCode.TOTAL_DISAGREES, pl.col("disagrees")),
        (RejectCode.SUBTOTAL_DISAGREES, ~_subtotal_fits(amounts)),
        (RejectCode.TOTAL_NEGATIVE, (pl.col("owed") < 0) | (nothing & (_explained() < 0))),
        (RejectCode.TOTAL_ROUNDS_TO_ZERO, nothing & (_explained() > 0)),
        (RejectCode.ORDER_TOTAL_TOO_LARGE, pl.col("owed") * pl.col("step") > MAX_TOTAL),
    ]


def _explained() -> pl.Expr:
    return pl.col("exact") + pl.col("unexplained")


def _subtotal_fits(amounts: AmountColumns) -> pl.Expr:
    """Whether the stated subtotal is the sum of the lines, before or after discounts, with or without tax."""
    step = pl.col("step")
    subtotal = in_minor(pl.col("subtotal"), step)
    after_lines = pl.col("lines") - pl.col("line_discount")
    readings = (pl.col("lines"), after_lines, after_lines - pl.col("discount"))
    untaxed = (reading - pl.col("tax_included") for reading in readings)
    fits = [
        (subtotal - in_minor(reading, step)).abs() <= amounts.tolerance for reading in (*readings, *untaxed)
    ]
    return pl.any_horizontal(fits).fill_null(value=True)


def _with_details(table: pl.DataFrame) -> pl.DataFrame:
    """Adds `detail`: the figures of a rejected order that disagree."""
    step = pl.col("step")
    stated, computed = shown(pl.col("stated") * step), shown(pl.col("computed") * step)
    of_lines = shown(in_minor(pl.col("lines"), step) * step)
    code = pl.col("code")
    differ = pl.coalesce(
        pl.format("the column for {}", pl.col("different").str.replace(r"\+[0-9]+$", "")),
        pl.lit("the discounts of the lines are above the order's discount"),
    )
    detail = (
        pl.when(code.is_null())
        .then(pl.lit(None, pl.String))
        .when(code == RejectCode.AMOUNT_DIFFERS.value)
        .then(differ)
        .when(code == RejectCode.SUBTOTAL_DISAGREES.value)
        .then(pl.format("{} is stated, but the lines add up to {}", shown(pl.col("subtotal")), of_lines))
        .when(pl.col("stated").is_null())
        .then(computed)
        .otherwise(pl.format("{} is stated, but the lines and amounts add up to {}", stated, computed))
    )
    return table.with_columns(detail=detail)


def shown(units: pl.Expr) -> pl.Expr:
    """Returns an amount in 1/10,000 as text with two to four decimals."""
    size = units.abs()
    part = (size % SCALE).cast(pl.String).str.zfill(4).str.replace(r"0{1,2}$", "")
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.format("{}{}.{}", sign, size // SCALE, part)
