"""Converts the raw text fields of order lines to exact values and finds the first problem of each line."""

from __future__ import annotations

import polars as pl

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.order_files.columns.profile import CONTACT_FIELDS, PAYER_FIELDS, OrderField, Profile
from orders_pipeline.order_files.columns.return_rules import NAMED, ReturnRules
from orders_pipeline.order_files.columns.zone_column import TIME_ZONE
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.amount_columns import (
    UNREADABLE,
    amount_columns,
    units_of,
    with_amounts,
    with_percent_off,
)
from orders_pipeline.order_files.values.amounts import MAX_TOTAL, SCALE, AmountCode, read_amounts, read_money
from orders_pipeline.order_files.values.cleaning import is_damaged, is_missing_word, without_missing_words
from orders_pipeline.order_files.values.currency_signs import (
    currency_of_sign,
    is_currency_sign,
    plain_sign,
    sign_fits,
)
from orders_pipeline.order_files.values.date_reading import DateCode, read_dates, read_zoned_dates
from orders_pipeline.order_files.values.decisions import Decisions
from orders_pipeline.order_files.values.quantities import with_quantities
from orders_pipeline.order_files.values.returned import RETURNED, with_returned

MAX_QUANTITY = 1_000_000_000
MAX_TEXT = 1000
NEEDS_PRICE = "needs_price"

TEXT_FIELDS = (OrderField.CUSTOMER_ID, OrderField.CUSTOMER_NAME, OrderField.SKU, OrderField.PRODUCT_NAME)


def order_key(raw: pl.Expr) -> pl.Expr:
    """Returns an id as text; a blank id is null.

    `17850.0` becomes `17850`, because spreadsheets and pandas turn whole numbers into decimals.
    """
    text = raw.str.strip_chars()
    whole = pl.when(text.str.ends_with(".0")).then(text.str.replace(r"^([0-9]+)\.0$", "$1")).otherwise(text)
    return pl.when(whole != "").then(whole)


def convert_lines(
    frame: pl.DataFrame,
    profile: Profile,
    decisions: Decisions,
    rules: ParseRules,
    returns: ReturnRules | None = None,
) -> pl.DataFrame:
    """Converts the text columns of `frame` (named by `OrderField`; also `order`, `problem`, `detail`).

    Adds `count` and `total` (see `with_quantities`), `instant` (UTC), `day`, `currency` and, for a bad line,
    the reject code in `code`. If returns are accepted, adds `returned`; see `with_returned`.
    """
    frame = _filled(frame, profile)
    if not rules.contacts:
        frame = frame.drop(CONTACT_FIELDS, strict=False)
    price = read_money(frame[profile.price_field.value], decisions.price, units_of(profile))
    quantity = read_amounts(frame[OrderField.QUANTITY.value], decisions.quantity)
    dates = _dates(frame, profile, decisions, rules)
    values = frame.with_columns(
        customer_id=order_key(pl.col("customer_id")),
        currency=_currency(frame["currency"], price["sign"], profile, rules),
        price=price["units"],
        price_code=price["code"],
        price_sign=price["sign"],
        units=quantity["units"],
        quantity_code=quantity["code"],
        instant=dates["instant"],
        date_code=dates["code"],
        day=dates["instant"].dt.convert_time_zone(rules.timezone).dt.date(),
    )
    if returns:
        values = with_returned(values, profile, returns)
        values = values.with_columns(_needs_price(values))
    values = with_quantities(with_amounts(values, profile, decisions.price), profile)
    checks = _checks(profile, rules, signed=decisions.signed, returns=returns)
    codes = _problems(values, checks)
    if UNREADABLE in values.columns:
        unreadable = codes == RejectCode.AMOUNT_UNREADABLE.value
        values = values.with_columns(detail=pl.when(unreadable).then(UNREADABLE).otherwise("detail"))
    return with_percent_off(values.with_columns(codes))


def _needs_price(values: pl.DataFrame) -> pl.Expr:
    """Whether a line needs a price. A return that names its order needs none: the order has the price."""
    named = order_key(pl.col(NAMED)).is_not_null().any().over("order") if NAMED in values.columns else None
    needs = pl.lit(value=True) if named is None else ~(pl.col(RETURNED) & named)
    return needs.alias(NEEDS_PRICE)


def _dates(frame: pl.DataFrame, profile: Profile, decisions: Decisions, rules: ParseRules) -> pl.DataFrame:
    values, zone = frame[OrderField.ORDERED_AT.value], profile.timezone or rules.timezone
    if profile.time_zone and TIME_ZONE in frame.columns:
        return read_zoned_dates(values, frame[TIME_ZONE], decisions.dates, profile.time_zone, zone)
    return read_dates(values, decisions.dates, zone)


def _currency(own: pl.Series, signs: pl.Series, profile: Profile, rules: ParseRules) -> pl.Series:
    """Returns the currency of each line: its own, or the one of its price's sign, or the default."""
    code = own.str.to_uppercase()
    odd = ~code.is_in(list(MINOR_DIGITS))
    if odd.any():
        named = pl.select(currency_of_sign(plain_sign(pl.lit(own)), rules.currency, {})).to_series()
        code = code.zip_with(~odd, named.fill_null(code))
    if signs.null_count() < signs.len():
        said = profile.values.get(OrderField.CURRENCY, {})
        signed = pl.select(currency_of_sign(pl.lit(signs), rules.currency, said)).to_series()
        code = code.zip_with(code.is_not_null(), signed)
    return code.fill_null(rules.currency)


def _filled(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Fills in constants, fallbacks and inherited values; trims text and makes blank text null."""
    unread = {*CONTACT_FIELDS, *PAYER_FIELDS} - set(profile.fallback.values()) | set(frame.columns)
    blanks = [pl.lit(None, pl.String).alias(field.value) for field in OrderField if field not in unread]
    constants = [pl.lit(value).alias(field.value) for field, value in profile.constants.items()]
    frame = frame.with_columns(blanks).with_columns(constants)
    payers = [field for field in PAYER_FIELDS if field.value in frame.columns]
    frame = frame.with_columns(_text(field) for field in (*TEXT_FIELDS, OrderField.CURRENCY, *payers))
    for field in (*TEXT_FIELDS, OrderField.CURRENCY):
        frame = without_missing_words(frame, [field.value], profile.values.get(field, {}))
    frame = frame.with_columns(
        pl.col(field.value).str.strip_chars().replace(values) for field, values in profile.values.items()
    )
    frame = frame.with_columns(_text(field) for field in TEXT_FIELDS if field in profile.values)
    # Order numbers were already inherited from the line above, before the lines were divided by order.
    inherited = [field.value for field in profile.inherit if field is not OrderField.ORDER_NUMBER]
    inherited = [name for name in inherited if name in frame.columns]
    if inherited:
        frame = frame.with_columns(map(_inherited, inherited))
    return frame.with_columns(
        pl.coalesce(field.value, other.value).alias(field.value) for field, other in profile.fallback.items()
    )


def _text(field: OrderField) -> pl.Expr:
    text = pl.col(field.value).str.strip_chars()
    return pl.when(text != "").then(text).alias(field.value)


def _inherited(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    own = pl.when((text != "") & ~is_missing_word(text)).then(pl.col(name))
    shared = own.drop_nulls().first().over("order")
    return pl.when(pl.col("order").is_null()).then(own).otherwise(pl.coalesce(own, shared)).alias(name)


def _problems(values: pl.DataFrame, checks: list[tuple[RejectCode, pl.Expr]]) -> pl.Series:
    """Returns the code of the first rule that each line breaks, null for a good line."""
    codes = pl.Series("code", [None], dtype=pl.String).new_from_index(0, values.height)
    broken = values.select(pl.any_horizontal(check.fill_null(value=False) for _, check in checks))
    at = broken.to_series().arg_true()
    if not at.len():
        return codes
    first = pl.coalesce(pl.when(check).then(pl.lit(code.value)) for code, check in checks[1:])
    return codes.scatter(at, values[at].select(pl.coalesce("problem", first)).to_series())


def _checks(
    profile: Profile, rules: ParseRules, *, signed: bool, returns: ReturnRules | None
) -> list[tuple[RejectCode, pl.Expr]]:
    """Returns the conditions that make a line bad; the first one that is true gives the code.

    The first entry is for a broken record, whose code is already in `problem`.
    """
    damaged_order, damaged_sku = (
        is_damaged(pl.col(name)) if signed else pl.lit(value=False) for name in ("order", "sku")
    )
    return [
        (RejectCode.FIELD_COUNT, pl.col("problem").is_not_null()),
        (RejectCode.ORDER_NUMBER_MISSING, pl.col("order").is_null()),
        (RejectCode.ORDER_NUMBER_DAMAGED, damaged_order),
        (RejectCode.STATUS_SKIPPED, pl.col("skipped").is_not_null()),
        (RejectCode.SKU_MISSING, pl.col("sku").is_null()),
        (RejectCode.SKU_DAMAGED, damaged_sku),
        *_quantity_checks(profile, returns),
        *_price_checks(profile, returns),
        *(
            [(RejectCode.AMOUNT_UNREADABLE, pl.col(UNREADABLE).is_not_null())]
            if amount_columns(profile)
            else ()
        ),
        (RejectCode.DATE_MISSING, pl.col("instant").is_null() & pl.col("date_code").is_null()),
        (RejectCode.TIME_ZONE_UNKNOWN, pl.col("date_code") == DateCode.ZONE_UNKNOWN),
        (RejectCode.DATE_AMBIGUOUS, pl.col("date_code") == DateCode.AMBIGUOUS),
        (RejectCode.DATE_UNREADABLE, pl.col("date_code") == DateCode.UNREADABLE),
        (RejectCode.DATE_OUT_OF_RANGE, ~pl.col("day").is_between(rules.first_day, rules.last_day)),
        (
            RejectCode.TEXT_TOO_LONG,
            pl.max_horizontal(pl.col("order", *TEXT_FIELDS).str.len_bytes()) > MAX_TEXT,
        ),
    ]


def _quantity_checks(profile: Profile, returns: ReturnRules | None) -> list[tuple[RejectCode, pl.Expr]]:
    code, units = pl.col("quantity_code"), pl.col("units")
    decimals = profile.quantity.decimals
    step = SCALE // 10**decimals
    too_precise = RejectCode.QUANTITY_TOO_PRECISE if decimals else RejectCode.QUANTITY_NOT_WHOLE
    return [
        (RejectCode.QUANTITY_MISSING, units.is_null() & code.is_null()),
        (RejectCode.QUANTITY_TOO_LARGE, code == AmountCode.TOO_LARGE),
        (too_precise, code == AmountCode.TOO_PRECISE),
        (RejectCode.QUANTITY_UNREADABLE, code.is_not_null()),
        *(
            [(RejectCode.RETURN_NOT_NEGATIVE, pl.col(RETURNED) & (units <= 0))]
            if returns and returns.quantity == "negative"
            else ()
        ),
        (RejectCode.QUANTITY_NOT_POSITIVE, units <= 0),
        (too_precise, units % step != 0),
        (RejectCode.QUANTITY_TOO_LARGE, pl.col("count") > MAX_QUANTITY),
    ]


def _price_checks(profile: Profile, returns: ReturnRules | None) -> list[tuple[RejectCode, pl.Expr]]:
    code, price, sign = pl.col("price_code"), pl.col("price"), pl.col("price_sign")
    missing = price.is_null() & code.is_null()
    by_weight = profile.quantity.decimals > 0
    limit, compared = pl.lit(MAX_TOTAL, pl.Int64), pl.col("total") if by_weight else price
    if profile.price_field is OrderField.UNIT_PRICE and not by_weight:
        # The total itself may be too large for an integer, so the factors are compared.
        limit //= pl.col("count").clip(1)
    return [
        (RejectCode.PRICE_MISSING, missing & pl.col(NEEDS_PRICE) if returns else missing),
        (RejectCode.PRICE_TOO_LARGE, code == AmountCode.TOO_LARGE),
        (RejectCode.PRICE_TOO_PRECISE, code == AmountCode.TOO_PRECISE),
        (RejectCode.PRICE_AMBIGUOUS, code == AmountCode.AMBIGUOUS),
        (RejectCode.PRICE_UNREADABLE, code.is_not_null()),
        (RejectCode.PRICE_NOT_POSITIVE, price <= 0),
        (RejectCode.PRICE_TOO_LARGE, compared > limit),
        (RejectCode.PRICE_TOO_SMALL, (pl.col("total") == 0) & by_weight),
        (RejectCode.CURRENCY_UNKNOWN, ~pl.col("currency").is_in(list(MINOR_DIGITS))),
        (RejectCode.PRICE_UNREADABLE, sign.is_not_null() & ~is_currency_sign(sign)),
        (RejectCode.PRICE_OTHER_CURRENCY, sign.is_not_null() & ~sign_fits(sign, pl.col("currency"))),
    ]
