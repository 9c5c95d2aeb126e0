"""Which fields of each record are read, and the columns that describe the record itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

RECORD_COLUMNS = {
    "record": pl.Int64,
    "line": pl.Int64,
    "raw": pl.String,
    "problem": pl.String,
    "detail": pl.String,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What to read of each record.

    Attributes:
        width: number of fields in the header.
        columns: position of each wanted column, by name.
        skip_records: number of records before the data (preamble and header).
        looks_like_record: whether the fields of a line inside a quoted field could be a separate record,
            which suggests an unclosed quote; None accepts all such lines.
    """

    width: int
    columns: Mapping[str, int]
    skip_records: int = 1
    looks_like_record: Callable[[list[str]], bool] | None = None

    @property
    def schema(self) -> dict[str, type[pl.DataType]]:
        """Schema of a frame of records: `RECORD_COLUMNS` and then `columns`."""
        return {**RECORD_COLUMNS, **dict.fromkeys(self.columns, pl.String)}
