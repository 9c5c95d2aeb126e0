"""Which fields of each record are read, and what else is kept of it."""

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
    """What to take of each record: `columns` maps names to positions among `width` fields.

    The first `skip_records` records (preamble and header) are passed over. `looks_like_record` tells whether
    the fields of a line found inside a quoted field could be a record of their own; None: such lines are
    fine.
    """

    width: int
    columns: Mapping[str, int]
    skip_records: int = 1
    looks_like_record: Callable[[list[str]], bool] | None = None

    @property
    def schema(self) -> dict[str, type[pl.DataType]]:
        """Columns of a frame of records: those of `RECORD_COLUMNS` and the layout's own."""
        return {**RECORD_COLUMNS, **dict.fromkeys(self.columns, pl.String)}
