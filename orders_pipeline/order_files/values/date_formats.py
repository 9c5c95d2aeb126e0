"""Reads dates with given formats: strptime formats, serial numbers of spreadsheets, Unix times."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from orders_pipeline.order_files.values.local_times import utc
from orders_pipeline.order_files.values.zone_names import is_zone, offset_seconds

BETWEEN = "|"
_NUMBER = r"^[0-9]+(?:[.,][0-9]+)?$"
_DAY_SECONDS = 86_400
# Days from the epochs of spreadsheets to 1 January 1970.
_DAYS_1900, _DAYS_1904 = 25_569, 24_107
_LAST_SERIAL = 2_958_466
_ZONE = "%Z"
_YEAR = r"%[-_0]?[YyGgDFcxs+]"


def is_format(text: str) -> bool:
    """Whether a text is a format, or several formats with `|` between them."""
    return all("%" in one or one.lower() in _SERIALS for one in _alternatives(text))


def _alternatives(text: str) -> list[str]:
    """Splits several formats at `|`.

    A format such as `%d|%m|%Y`, in which not each part has a year, is one.
    """
    parts = [part.strip() for part in text.split(BETWEEN)]
    whole = all(part.lower() in _SERIALS or re.search(_YEAR, part) for part in parts)
    return parts if whole else [text]


def read_by_formats(text: pl.Series, formats: str, zone: str) -> pl.Series:
    """Returns the instants (UTC) of a column; each value is read with the first format that fits it."""
    read = [_by_format(text, one, zone) for one in _alternatives(formats)]
    return pl.select(pl.coalesce(read)).to_series()


def _by_format(text: pl.Series, one: str, zone: str) -> pl.Series:
    if serial := _SERIALS.get(one.lower()):
        plain = text.str.contains(_NUMBER)
        numbers = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        return serial(pl.select(pl.when(plain).then(numbers)).to_series(), zone)
    if _ZONE in one:
        return _with_zone(text, one, zone)
    return utc(text.str.to_datetime(one, strict=False, time_unit="us"), zone)


def _with_zone(text: pl.Series, one: str, zone: str) -> pl.Series:
    """Reads times with a format that contains `%Z`; a time with an unknown zone becomes null."""
    before, _, after = one.partition(_ZONE)
    end = rf"((?:\s+\S+){{{len(after.split())}}})" if "%" in after else f"({re.escape(after)})"
    names = ["start", "zone", "end"]
    pattern = rf"^(.*?)\s*([A-Za-z][A-Za-z0-9_+/-]*|[+-][0-9:]+){end}\s*$"
    parts = text.str.extract_groups(pattern).struct.rename_fields(names).struct.unnest()
    joined = parts.select(pl.concat_str("start", "end")).to_series()
    local = joined.str.to_datetime(before.rstrip() + after, strict=False, time_unit="us")
    found = [
        pl.when(parts["zone"] == name).then(_moved(local, name, zone))
        for name in parts["zone"].drop_nulls().unique(maintain_order=True)
    ]
    nothing = pl.lit(None, pl.Datetime("us", "UTC"))
    return pl.select(pl.coalesce(*found, pl.repeat(nothing, text.len()))).to_series()


def _moved(local: pl.Series, name: str, zone: str) -> pl.Series:
    if is_zone(name):
        return utc(local, name)
    seconds = offset_seconds(name, zone)
    moved = local - pl.duration(seconds=seconds) if seconds is not None else pl.lit(None, local.dtype)
    return pl.select(moved).to_series().dt.replace_time_zone("UTC")


def _excel(numbers: pl.Series, zone: str, first: int) -> pl.Series:
    day = pl.select(pl.when(numbers.is_between(1, _LAST_SERIAL)).then(numbers - first)).to_series()
    micros = (day * _DAY_SECONDS).round().cast(pl.Int64) * 1_000_000
    return utc(micros.cast(pl.Datetime("us")), zone)


def _epoch(numbers: pl.Series, units: int) -> pl.Series:
    micros = (numbers * units).round().cast(pl.Int64, strict=False)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


_SERIALS: dict[str, Callable[[pl.Series, str], pl.Series]] = {
    "excel": lambda numbers, zone: _excel(numbers, zone, _DAYS_1900),
    "excel1904": lambda numbers, zone: _excel(numbers, zone, _DAYS_1904),
    "epoch": lambda numbers, _: _epoch(numbers, 1_000_000),
    "epoch_ms": lambda numbers, _: _epoch(numbers, 1_000),
}
