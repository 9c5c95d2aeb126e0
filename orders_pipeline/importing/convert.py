"""Raw text fields of order lines to exact values, each line with the first thing that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from orders_pipeline.currency import MINOR_DIGITS
from orders_pipeline.importing.amounts import (
    CURRENCY_SIGNS,
    SCALE,
    AmountCode,
    DecimalSign,
    read_amounts,
)
from orders_pipeline.importing.codes import RejectCode
from orders_pipeline.importing.dates import AMBIGUOUS, UNREADABLE, DateRules, read_dates
from orders_pipeline.importing.options import ParseRules
from orders_pipeline.importing.profile import OrderField, Profile

MAX_QUANTITY = 1_000_000_000
MAX_TOTAL_UNITS = 1_000_000_000_000
MAX_TEXT = 1000

TEXT_FIELDS = (OrderField.CUSTOMER_ID, OrderField.CUSTOMER_NAME, OrderField.SKU, OrderField.PRODUCT_NAME)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the whole columns settled."""

    price: DecimalSign = DecimalSign()
    quantity: DecimalSign = DecimalSign()
    dates: DateRules = DateRules()


def order_key(raw: pl.Expr) -> pl.Expr:
    """An id as text: `17850.0`, which spreadsheets and pandas make of `17850`, is `17850`; blank is null."""
    text = raw.str.strip_chars()
    whole = pl.when(text.str.ends_with(".0")).then(text.str.replace(r"^(\d+)\.0$", "$1")).otherwise(text)
    return pl.when(whole != "").then(whole)


def convert_lines(
    frame: pl.DataFrame, profile: Profile, decisions: Decisions, rules: ParseRules
) -> pl.DataFrame:
    """Typed lines of `frame` (columns named by `OrderField`, `order`, `problem`, `detail`).

    Adds quantity, total (1/10,000), instant (UTC), day, currency, and `code`, `detail` of what is wrong.
    """
    frame = _filled(frame, profile)
    price = read_amounts(frame[profile.price_field.value], decisions.price)
    quantity = read_amounts(frame[OrderField.QUANTITY.value], decisions.quantity)
    dates = read_dates(frame[OrderField.ORDERED_AT.value], decisions.dates, rules.timezone)
    currency = pl.col("currency").str.strip_chars().str.to_uppercase()
    values = frame.with_columns(
        customer_id=order_key(pl.col("customer_id")),
        currency=pl.when(currency != "").then(currency).otherwise(pl.lit(rules.currency)),
        price=price["units"],
        price_code=price["code"],
        price_sign=price["sign"],
        units=quantity["units"],
        quantity_code=quantity["code"],
        instant=dates["instant"],
        date_code=dates["code"],
        day=dates["instant"].dt.convert_time_zone(rules.timezone).dt.date(),
    )
    values = values.with_columns(count=pl.col("units") // SCALE)
    by_unit = profile.price_field is OrderField.UNIT_PRICE
    total = pl.col("price") * pl.col("count") if by_unit else pl.col("price")
    return values.with_columns(code=_first_problem(profile, rules), total=total)


def _filled(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Constants, fallbacks and inherited values in place; text without blanks around it, blank as null."""
    blanks = [pl.lit(None, pl.String).alias(f.value) for f in OrderField if f.value not in frame.columns]
    constants = [pl.lit(value).alias(field.value) for field, value in profile.constants.items()]
    frame = frame.with_columns(blanks).with_columns(constants)
    frame = frame.with_columns(_text(field) for field in TEXT_FIELDS)
    if profile.inherit:
        frame = frame.with_columns(_inherited(field.value) for field in profile.inherit)
    return frame.with_columns(
        pl.coalesce(field.value, other.value).alias(field.value) for field, other in profile.fallback.items()
    )


def _text(field: OrderField) -> pl.Expr:
    text = pl.col(field.value).str.strip_chars()
    return pl.when(text != "").then(text).alias(field.value)


def _inherited(name: str) -> pl.Expr:
    own = pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name))
    shared = own.drop_nulls().first().over("order")
    return pl.when(pl.col("order").is_null()).then(own).otherwise(pl.coalesce(own, shared)).alias(name)


def _first_problem(profile: Profile, rules: ParseRules) -> pl.Expr:
    """The code of the first rule that a line breaks, null for a good line."""
    blank = _is_blank
    order, sku, price = pl.col("order"), pl.col("sku"), profile.price_field.value
    too_long = pl.max_horizontal(pl.col("order", *TEXT_FIELDS).str.len_chars()) > MAX_TEXT
    by_unit = profile.price_field is OrderField.UNIT_PRICE
    limit = pl.lit(MAX_TOTAL_UNITS * SCALE, pl.Int64)
    too_much = pl.col("price") > (limit // pl.col("count").clip(1) if by_unit else limit)
    checks = [
        (RejectCode.ORDER_NUMBER_MISSING, order.is_null()),
        (RejectCode.ORDER_NUMBER_DAMAGED, order.str.contains(r"^\d\.\d+E\+\d+$")),
        *((RejectCode.STATUS_SKIPPED, pl.col(name).is_not_null()) for name in ["skipped"] if profile.skip),
        (RejectCode.SKU_MISSING, sku.is_null()),
        (RejectCode.QUANTITY_MISSING, blank("quantity")),
        (RejectCode.QUANTITY_TOO_LARGE, pl.col("quantity_code") == AmountCode.TOO_LARGE),
        (RejectCode.QUANTITY_NOT_WHOLE, pl.col("quantity_code") == AmountCode.TOO_PRECISE),
        (RejectCode.QUANTITY_UNREADABLE, pl.col("quantity_code").is_not_null()),
        (RejectCode.QUANTITY_NOT_POSITIVE, pl.col("units") <= 0),
        (RejectCode.QUANTITY_NOT_WHOLE, pl.col("units") % SCALE != 0),
        (RejectCode.QUANTITY_TOO_LARGE, pl.col("count") > MAX_QUANTITY),
        (RejectCode.PRICE_MISSING, blank(price)),
        (RejectCode.PRICE_TOO_LARGE, pl.col("price_code") == AmountCode.TOO_LARGE),
        (RejectCode.PRICE_TOO_PRECISE, pl.col("price_code") == AmountCode.TOO_PRECISE),
        (RejectCode.PRICE_AMBIGUOUS, pl.col("price_code") == AmountCode.AMBIGUOUS),
        (RejectCode.PRICE_UNREADABLE, pl.col("price_code").is_not_null()),
        (RejectCode.PRICE_NOT_POSITIVE, pl.col("price") <= 0),
        (RejectCode.PRICE_TOO_LARGE, too_much),
        (RejectCode.CURRENCY_UNKNOWN, ~pl.col("currency").is_in(list(MINOR_DIGITS))),
        (RejectCode.PRICE_UNREADABLE, pl.col("price_sign").is_not_null() & ~_is_sign()),
        (RejectCode.PRICE_OTHER_CURRENCY, pl.col("price_sign").is_not_null() & ~_sign_fits()),
        (RejectCode.DATE_MISSING, blank("ordered_at")),
        (RejectCode.DATE_AMBIGUOUS, pl.col("date_code") == AMBIGUOUS),
        (RejectCode.DATE_UNREADABLE, pl.col("date_code") == UNREADABLE),
        (RejectCode.DATE_OUT_OF_RANGE, ~pl.col("day").is_between(rules.first_day, rules.last_day)),
        (RejectCode.TEXT_TOO_LONG, too_long),
    ]
    return pl.coalesce(
        pl.when(pl.col("problem").is_not_null()).then(pl.col("problem")),
        *(pl.when(broken).then(pl.lit(code.value)) for code, broken in checks),
    )


def _is_blank(name: str) -> pl.Expr:
    return pl.col(name).is_null() | (pl.col(name).str.strip_chars() == "")


def _is_sign() -> pl.Expr:
    sign = pl.col("price_sign")
    return sign.is_in(list(CURRENCY_SIGNS)) | sign.str.to_uppercase().is_in(list(MINOR_DIGITS))


def _sign_fits() -> pl.Expr:
    sign = pl.col("price_sign")
    pairs = [f"{sign} {code}" for sign, codes in CURRENCY_SIGNS.items() for code in codes]
    pair = pl.concat_str(sign, pl.lit(" "), pl.col("currency"))
    return pair.is_in(pairs) | (sign.str.to_uppercase() == pl.col("currency"))
