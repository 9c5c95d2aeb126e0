"""Splits dates as files write them into year, month, day and time of day."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from orders_pipeline.order_files.columns.profile import DateOrder
from orders_pipeline.order_files.values.month_names import ENGLISH, plain_month

ISO = r"^[12][0-9]{3}-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-5][0-9]$"
CLOCK = ["hour", "minute", "second", "fraction", "half", "offset"]
DATED = ["text", "year", "month", "day", *CLOCK]

_CLOCK = (
    r"(?:[T ,]+([0-9]{1,2})[:.h]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*(?:([AaPp])\.?[Mm]\.?)?"
    r"\s*(Z|z|(?:UTC|GMT)?[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?|[A-Z]{2,5})?)?$"
)
_WORD = r"(\p{L}[\p{L}\p{M}]+)"
_WEEKDAY = r"^(?:\p{L}[\p{L}\p{M}]{1,11}[.,]{0,2} )?"
# Words between day, month and year, as in `15 de marzo de 2026`.
_OF = r"(?:de |del |d['\x{2019}])?"
_NUMERIC = _WEEKDAY + r"([0-9]{1,4})([-/.])([0-9]{1,2})([-/.])([0-9]{1,4})" + _CLOCK
_COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})(?:T?([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?(Z)?)?$"
_DAY_MONTH = (
    _WEEKDAY
    + rf"([0-9]{{1,2}})(?:st|nd|rd|th|er|\x{{ba}})?[-/. ]+{_OF}{_WORD}\.?[-/., ]+{_OF}([0-9]{{4}}|[0-9]{{2}})"
    + r"(?: \x{433}\.?| \x{440}\.?)?"
    + _CLOCK
)
_MONTH_DAY = _WEEKDAY + _WORD + r"\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})" + _CLOCK
_MONTH_DAY_SHORT = r"^" + _WORD + r"-([0-9]{1,2})-([0-9]{4}|[0-9]{2})" + _CLOCK
_YEAR_MONTH = r"^([0-9]{4})[-/. ]+" + _WORD + r"\.?[-/. ]+([0-9]{1,2})\.?" + _CLOCK
_EAST_ASIAN = (
    r"^([0-9]{4})\s*[\x{5e74}\x{b144}]\s*([0-9]{1,2})\s*[\x{6708}\x{c6d4}]\s*([0-9]{1,2})\s*[\x{65e5}\x{c77c}]?"
    + _CLOCK
)
# As in POSIX, two-digit years from 69 to 99 are in the 20th century.
_PIVOT = 69


def numeric_parts(text: pl.Series) -> pl.DataFrame:
    """Splits numeric dates into their three numbers `a`, `b` and `c`, time of day and family.

    The family is the separator and the number of digits of a year at the end, such as `/4`. It is empty if
    a four-digit year comes first, and null for texts that are not numeric dates.
    """
    names = ["a", "sep", "b", "sep2", "c", *CLOCK]
    parts = _groups(text, _NUMERIC, names)
    first, last = pl.col("a").str.len_bytes(), pl.col("c").str.len_bytes()
    family = (
        pl.when(pl.col("a").is_null() | (pl.col("sep") != pl.col("sep2")))
        .then(pl.lit(None, pl.String))
        .when((first == 4) & (last <= 2))
        .then(pl.lit(""))
        .when((first <= 2) & last.is_in([2, 4]))
        .then(pl.concat_str("sep", last.cast(pl.String)))
    )
    return parts.with_columns(pl.col("a", "b", "c").cast(pl.Int64), family=family)


def allows_order(order: DateOrder) -> pl.Expr:
    """Whether the numbers of `numeric_parts` can be a date in this order."""
    place = {unit: "abc"[at] for at, unit in enumerate(order.value)}
    valid = pl.col(place["D"]).is_between(1, 31) & pl.col(place["M"]).is_between(1, 12)
    # A two-digit year is first only in dates such as 25-11-30.
    return valid & (pl.col("family") == "-2") if order is DateOrder.YMD else valid


def in_order(parts: pl.DataFrame) -> pl.DataFrame:
    """Assigns year, month and day of `numeric_parts` by their column `order`; null if `order` is not one."""
    placed = {
        unit: pl.coalesce(
            pl.when(pl.col("order") == order.value).then(pl.col("abc"[order.value.index(unit)]))
            for order in DateOrder
        )
        for unit in "YMD"
    }
    dated = parts.with_columns(year=placed["Y"], month=placed["M"], day=placed["D"])
    short = pl.col("family").str.ends_with("2")
    return dated.with_columns(year=pl.when(short).then(_full_year("year")).otherwise("year")).select(DATED)


def compact_parts(text: pl.Series) -> pl.DataFrame:
    """Splits dates like `20251130` and `20251130T140500Z`."""
    parts = _groups(text, _COMPACT, ["year", "month", "day", "hour", "minute", "second", "offset"])
    blank = [pl.lit(None, pl.String).alias(name) for name in ("fraction", "half")]
    return parts.with_columns(pl.col("year", "month", "day").cast(pl.Int64), *blank).select(DATED)


def named_parts(text: pl.Series, months: Mapping[str, int]) -> pl.DataFrame:
    """Splits dates with month names: the names in `months`, which are plain names, and English ones."""
    parts = _named(text)
    numbers = {**ENGLISH, **months}
    found = {name: numbers.get(plain_month(name)) for name in parts["name"].unique()}
    short = pl.col("year").str.len_bytes() == 2
    parts = parts.with_columns(short=short).with_columns(
        pl.col("year", "day").cast(pl.Int64),
        month=pl.col("name").replace_strict(found, default=None, return_dtype=pl.Int64),
    )
    return parts.with_columns(year=pl.when("short").then(_full_year("year")).otherwise("year")).select(DATED)


def month_words(text: pl.Series) -> pl.Series:
    """Returns the words in dates at the place of the month."""
    return _named(text)["name"]


def _named(text: pl.Series) -> pl.DataFrame:
    columns = ["text", "year", "name", "day", *CLOCK]
    day_first = _groups(text, _DAY_MONTH, ["day", "name", "year", *CLOCK])
    month_first = [
        _groups(text, pattern, ["name", "day", "year", *CLOCK]) for pattern in (_MONTH_DAY, _MONTH_DAY_SHORT)
    ]
    year_first = _groups(text, _YEAR_MONTH, ["year", "name", "day", *CLOCK])
    parts = pl.concat(part.select(columns) for part in (day_first, *month_first, year_first))
    return parts.filter(pl.col("name").is_not_null())


def east_asian_parts(text: pl.Series) -> pl.DataFrame:
    """Splits dates with the Chinese, Japanese or Korean words for year, month and day."""
    parts = _groups(text, _EAST_ASIAN, ["year", "month", "day", *CLOCK])
    return parts.with_columns(pl.col("year", "month", "day").cast(pl.Int64)).select(DATED)


def _full_year(name: str) -> pl.Expr:
    return pl.col(name) + pl.when(pl.col(name) < _PIVOT).then(2000).otherwise(1900)


def _groups(text: pl.Series, pattern: str, names: list[str]) -> pl.DataFrame:
    groups = text.str.extract_groups(pattern).struct.rename_fields(names)
    return groups.struct.unnest().with_columns(text=text)
