"""Reads the text of single records from a file that has already been parsed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import polars as pl

from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.orders.first_pass import FirstPass
from orders_pipeline.order_files.values.decisions import ColumnEvidence


def texts_of(path: Path, identified: Identified, records: set[int]) -> dict[int, str]:
    """Returns the text of each of these records; reading stops after the last one.

    Raises:
        FileRefused: the file can no longer be read.
    """
    if not records:
        return {}
    last, wanted = max(records), pl.Series(sorted(records), dtype=pl.Int64)
    first_pass = FirstPass(identified.opened(path), identified, ColumnEvidence(identified))
    texts: dict[int, str] = {}
    with closing(first_pass.frames()) as frames:
        for frame in frames:
            found = frame.filter(pl.col("record").is_in(wanted.implode()))
            texts.update(found.select("record", "raw").iter_rows())
            if frame["record"][-1] >= last:
                break
    return texts
