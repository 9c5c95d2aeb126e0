"""Finds cells that contain an error of a spreadsheet, such as `#REF!`, instead of a value."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.reject_codes import RejectCode

# Written by this reader for a formula whose value was never computed and saved.
NOT_COMPUTED = "#NOT_COMPUTED"
_ERRORS = (
    *("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"),
    *("#GETTING_DATA", NOT_COMPUTED),
)
# LibreOffice also numbers errors, such as `Err:502`.
_PATTERN = f"(?:{'|'.join(map(re.escape, _ERRORS))}|Err:[0-9]{{3}})"
# In a text column, this is an ordinary word for a missing value.
_NOT_AVAILABLE = "#N/A"


def mark_cell_errors(frame: pl.DataFrame, header: Mapping[str, str], content: Content) -> pl.DataFrame:
    """Sets `problem` where a cell contains an error.

    Args:
        header: header text of each column that is read.
    """
    if not frame["raw"].str.contains(_PATTERN).any():
        return frame
    allowed = _NOT_AVAILABLE if content is Content.TEXT else ""
    found = [
        pl.when(
            pl.col(name).str.contains(f"^\\s*{_PATTERN}\\s*$") & (pl.col(name).str.strip_chars() != allowed)
        ).then(pl.format("{} in {}", pl.col(name).str.strip_chars(), pl.lit(text)))
        for name, text in header.items()
    ]
    sound = pl.col("problem").is_null()
    return frame.with_columns(error=pl.coalesce(found)).select(
        pl.exclude("problem", "detail", "error"),
        problem=pl.when(sound & pl.col("error").is_not_null())
        .then(pl.lit(RejectCode.CELL_ERROR.value))
        .otherwise(pl.col("problem")),
        detail=pl.when(sound & pl.col("error").is_not_null())
        .then(pl.col("error"))
        .otherwise(pl.col("detail")),
    )
