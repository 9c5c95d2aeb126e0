"""Which orders were paid elsewhere, and how much of each."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.money_columns import ANY_VALUE, PaymentColumns
from orders_pipeline.order_files.orders.owed import in_minor
from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.amount_columns import OUTSTANDING, PAID, REFUNDED

STATUS, REFERENCE = "payment_column", "payment_reference"
RECORDED, PARTLY, GIVEN_BACK = "recorded", "partly", "refunded"
REFUNDED_ON_ORDER_DAY = (
    "Orders were refunded, wholly or in part. The file does not say when, so the refunds count on the day of "
    "the order."
)
PAID_BUT_OUTSTANDING = (
    "Orders are marked as paid, but the file says that a part is outstanding. They are recorded as paid in "
    "full."
)


def paid_by_order(lines: pl.DataFrame, payment: PaymentColumns) -> pl.DataFrame:
    """Returns what the file says about the payment of each order; a row for each `run` of lines.

    Returns:
        A frame with `run`; `way`, the name of a list in `[payment]`; the amounts `said_paid`,
        `said_outstanding` and `said_refunded` in 1/10,000; `reference`; `status` as in the file; `code` and
        `detail` of an order that is rejected.
    """
    if STATUS not in lines.columns:
        return _all_alike(lines, payment.without)
    status = pl.col(STATUS).str.strip_chars()
    ways = payment.ways()
    other = ways.get(ANY_VALUE, "unknown")
    way = status.str.to_lowercase().replace_strict(ways, default=other, return_dtype=pl.String)
    table = lines.with_columns(status=pl.when(status != "").then(status), way=pl.when(status != "").then(way))
    grouped = table.group_by("run", maintain_order=True).agg(
        pl.col("status").drop_nulls().first(),
        pl.col("way").drop_nulls().first(),
        pl.col("way").drop_nulls().n_unique().alias("ways"),
        _first(table, PAID).alias("said_paid"),
        _first(table, OUTSTANDING).alias("said_outstanding"),
        _first(table, REFUNDED).alias("said_refunded"),
        _reference(table),
    )
    unknown = pl.col("way").is_null() | (pl.col("way") == "unknown") | (pl.col("ways") > 1)
    unsaid = (pl.col("way") == PARTLY) & pl.col("said_paid").is_null() & pl.col("said_outstanding").is_null()
    checks = ((RejectCode.PAYMENT_STATUS_UNKNOWN, unknown), (RejectCode.PAID_AMOUNT_MISSING, unsaid))
    code = pl.coalesce(pl.when(check).then(pl.lit(found.value)) for found, check in checks)
    shown = pl.format("'{}'", pl.col("status").fill_null(""))
    return grouped.with_columns(code=code, detail=shown).drop("ways")


def contradictions(paid: pl.DataFrame) -> tuple[FileWarning, ...]:
    """Returns a warning if orders count as paid although the file says that a part is outstanding."""
    said = (pl.col("way") == RECORDED) & (pl.col("said_outstanding") != 0)
    number = paid.filter(said & pl.col("code").is_null()).height
    return (FileWarning("paid_but_outstanding", PAID_BUT_OUTSTANDING, number),) if number else ()


def with_payment(
    orders: pl.DataFrame, said: pl.DataFrame, payment: PaymentColumns, step: pl.Expr
) -> pl.DataFrame:
    """Adds `paid`, in minor units, and `reference` to orders; both are null for orders to charge.

    If the profile maps refunds, also adds `refunded` in minor units.
    """
    added = ("way", "said_paid", "said_outstanding", "said_refunded", "reference")
    orders = orders.with_columns(said.select(added))
    owed = pl.col("total")
    part = pl.coalesce(
        in_minor(pl.col("said_paid"), step), owed - in_minor(pl.col("said_outstanding"), step)
    ).clip(0, owed)
    recorded = in_minor(pl.col("said_paid"), step).clip(0, owed).fill_null(owed)
    of_shop = pl.col("way").is_in([RECORDED, GIVEN_BACK])
    paid = pl.when(pl.col("way") == PARTLY).then(part).when(of_shop).then(recorded)
    own = pl.coalesce("reference", pl.format("recorded:{}", pl.col("number")))
    orders = orders.with_columns(paid=paid, reference=pl.when(paid.is_not_null()).then(own))
    if payment.tells_refunds:
        orders = orders.with_columns(refunded=_refunded(step))
    return orders.drop("way", "said_paid", "said_outstanding", "said_refunded")


def refund_warnings(orders: pl.DataFrame) -> tuple[FileWarning, ...]:
    """Returns a warning about the day on which the refunds in a file are counted."""
    number = refunded_orders(orders)
    return (FileWarning("refunded_on_order_day", REFUNDED_ON_ORDER_DAY, number),) if number else ()


def refunded_orders(orders: pl.DataFrame) -> int:
    """Returns the number of orders that were refunded, wholly or in part."""
    return orders.filter(pl.col("refunded") > 0).height if "refunded" in orders.columns else 0


def _refunded(step: pl.Expr) -> pl.Expr:
    said, all_of_it = in_minor(pl.col("said_refunded").abs(), step), pl.col("way") == GIVEN_BACK
    return pl.coalesce(said, pl.when(all_of_it).then("paid")).clip(0, pl.col("paid"))


def _first(table: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).drop_nulls().first() if name in table.columns else pl.lit(None, pl.Int64).first()


def _reference(table: pl.DataFrame) -> pl.Expr:
    if REFERENCE not in table.columns:
        return pl.lit(None, pl.String).first().alias("reference")
    text = pl.col(REFERENCE).str.strip_chars()
    return text.filter(text != "").first().alias("reference")


def _all_alike(lines: pl.DataFrame, way: str) -> pl.DataFrame:
    nothing = {
        "status": pl.String,
        "said_paid": pl.Int64,
        "said_outstanding": pl.Int64,
        "said_refunded": pl.Int64,
        "reference": pl.String,
    }
    nothing |= {"code": pl.String, "detail": pl.String}
    runs = lines.select(pl.col("run").unique(maintain_order=True))
    return runs.with_columns(
        pl.lit(way).alias("way"), *(pl.lit(None, kind).alias(name) for name, kind in nothing.items())
    )
