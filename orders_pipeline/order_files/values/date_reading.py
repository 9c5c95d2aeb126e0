"""Converts dates as text to instants, with the rules that were decided from the whole column."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from orders_pipeline.order_files.columns.profile import DateOrder
from orders_pipeline.order_files.columns.zone_column import ZoneColumn
from orders_pipeline.order_files.values.cleaning import MISSING_WORDS
from orders_pipeline.order_files.values.date_formats import read_by_formats
from orders_pipeline.order_files.values.date_parts import (
    ISO,
    allows_order,
    compact_parts,
    east_asian_parts,
    in_order,
    named_parts,
    numeric_parts,
)
from orders_pipeline.order_files.values.dates import DateRules
from orders_pipeline.order_files.values.local_times import utc
from orders_pipeline.order_files.values.zone_names import offset_seconds


class DateCode(StrEnum):
    """Why a text is not a date."""

    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"
    ZONE_UNKNOWN = "zone_unknown"


def read_dates(values: pl.Series, rules: DateRules, zone: str) -> pl.DataFrame:
    """Reads the dates of a column; times without an offset are local to `zone`.

    Returns:
        A frame with `instant` (UTC) and `code` (a `DateCode` where there is no instant). A null or blank
        value, and a word for a missing value, has neither.
    """
    text = values.str.strip_chars()
    if rules.format is not None:
        return _by_formats(text, rules.format, zone)
    local = _iso(text)
    if not local.has_nulls():
        return utc(local, zone).to_frame("instant").with_columns(code=pl.lit(None, pl.String))
    odd = text.filter(local.is_null() & (text != "")).unique()
    odd = odd.filter(~odd.is_in(list(MISSING_WORDS)))
    table = pl.DataFrame({"text": text, "plain": utc(local, zone)})
    joined = table.join(_read_odd(odd, rules, zone), on="text", how="left", maintain_order="left")
    return joined.select(instant=pl.coalesce("plain", "instant"), code="code")


def read_zoned_dates(
    values: pl.Series, names: pl.Series, rules: DateRules, column: ZoneColumn, default: str
) -> pl.DataFrame:
    """Reads dates like `read_dates`; each is local to the time zone in the same row of `names`.

    A blank name is the time zone `default`. An unknown name gives the code `zone_unknown`.
    """
    table = pl.DataFrame({"value": values, "name": names.fill_null("").str.strip_chars()}).with_row_index()
    parts = []
    for (name,), rows in table.group_by("name"):
        zone = column.zone(str(name)) if name else default
        read = read_dates(rows["value"], rules, zone or default)
        if zone is None:
            nothing = pl.lit(None, read["instant"].dtype)
            read = read.with_columns(instant=nothing, code=pl.lit(DateCode.ZONE_UNKNOWN.value))
        parts.append(read.with_columns(rows["index"]))
    return pl.concat(parts).sort("index").drop("index") if parts else read_dates(values, rules, default)


def _by_formats(text: pl.Series, formats: str, zone: str) -> pl.DataFrame:
    instant = read_by_formats(text, formats, zone)
    filled = (text != "") & ~text.is_in(list(MISSING_WORDS))
    unread = pl.Series((instant.is_null() & filled).fill_null(value=False))
    return instant.to_frame("instant").with_columns(
        code=pl.when(unread).then(pl.lit(DateCode.UNREADABLE.value))
    )


def _iso(text: pl.Series) -> pl.Series:
    """Reads times like `2010-12-01 08:26:00` as naive times; everything else is null."""
    exact = text.str.contains(ISO)
    if not exact.all() or exact.has_nulls():
        text = pl.select(pl.when(exact).then(text)).to_series()
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")


def _read_odd(text: pl.Series, rules: DateRules, zone: str) -> pl.DataFrame:
    """Reads distinct dates that are not in the plain ISO form."""
    numeric = _with_order(numeric_parts(text), rules)
    dated = pl.concat(
        [
            in_order(numeric),
            compact_parts(text),
            named_parts(text, dict(rules.months)),
            east_asian_parts(text),
        ]
    )
    times = _times(dated.filter(pl.col("year").is_not_null()).unique("text", keep="first"), zone)
    ambiguous = numeric.filter(pl.col("order") == DateCode.AMBIGUOUS.value)["text"].implode()
    code = (
        pl.when(pl.col("text").is_in(ambiguous))
        .then(pl.lit(DateCode.AMBIGUOUS.value))
        .when(pl.col("instant").is_null())
        .then(pl.lit(DateCode.UNREADABLE.value))
    )
    return text.to_frame("text").join(times, on="text", how="left").with_columns(code=code)


def _with_order(parts: pl.DataFrame, rules: DateRules) -> pl.DataFrame:
    """Adds `order`: the order of the family; in a mixed family, the only order that fits, or `ambiguous`."""
    family = pl.col("family")
    orders = {"": DateOrder.YMD.value} | {family: order.value for family, order in rules.orders}
    same = pl.when(family.str.ends_with("4") & (pl.col("a") == pl.col("b"))).then(pl.lit(DateOrder.DMY.value))
    settled = pl.coalesce(family.replace_strict(orders, default=None, return_dtype=pl.String), same)
    if not rules.mixed:
        return parts.with_columns(order=settled)
    fitting = [pl.when(allows_order(order)).then(pl.lit(order.value)) for order in DateOrder]
    several = pl.sum_horizontal(order.is_not_null() for order in fitting) > 1
    ambiguous = pl.when(several & same.is_null()).then(pl.lit(DateCode.AMBIGUOUS.value))
    own = pl.coalesce(ambiguous, *fitting)
    return parts.with_columns(order=pl.when(family.is_in(rules.mixed)).then(own).otherwise(settled))


def _times(dated: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Returns `text` and its `instant`; the instant is null if the day or the hour does not exist."""
    local = dated.select(_written_out().str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"))
    times = dated.with_columns(local=local.to_series(), zoned=utc(local.to_series(), zone))
    offsets = {text: offset_seconds(text, zone) for text in dated["offset"].drop_nulls().unique()}
    seconds = pl.col("offset").replace_strict(offsets, default=None, return_dtype=pl.Int64)
    in_utc = (pl.col("local") - pl.duration(seconds=seconds)).dt.replace_time_zone("UTC")
    return times.select("text", instant=pl.when(pl.col("offset").is_null()).then("zoned").otherwise(in_utc))


def _written_out() -> pl.Expr:
    """Writes date and time in one form; null if a number is out of range."""
    hour = pl.col("hour").cast(pl.Int64).fill_null(0)
    half = pl.col("half").str.to_lowercase()
    afternoon = pl.when(half == "p").then(12).otherwise(0)
    hour = pl.when(half.is_null()).then(hour).when(hour.is_between(1, 12)).then(hour % 12 + afternoon)
    second = pl.col("second").cast(pl.Int64).fill_null(0)
    year = pl.when(pl.col("year") >= 1000).then("year")
    numbers = [year, pl.col("month"), pl.col("day"), hour, pl.col("minute").cast(pl.Int64).fill_null(0)]
    numbers.append(pl.when(second < 60).then(second))
    padded = [number.cast(pl.String).str.zfill(2) for number in numbers]
    fraction = pl.col("fraction").fill_null("0").str.slice(0, 6)
    return pl.format("{}-{}-{} {}:{}:{}.{}", *padded, fraction)
