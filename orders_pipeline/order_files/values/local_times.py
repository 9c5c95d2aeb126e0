"""Converts local times to UTC."""

from __future__ import annotations

import polars as pl


def utc(times: pl.Series, zone: str) -> pl.Series:
    """Converts times that are local to `zone` to UTC.

    A time that a clock change skips is read with the offset before the change.
    """
    if getattr(times.dtype, "time_zone", None):
        return times.dt.convert_time_zone("UTC")
    aware = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if aware.null_count() > times.null_count():
        later = times.dt.offset_by("1h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        aware = pl.select(pl.coalesce(aware, later)).to_series()
    return aware.dt.convert_time_zone("UTC")
