"""Previews the first orders of a file with a profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.identify import identify_companion
from orders_pipeline.order_files.columns.joined_orders import join_orders
from orders_pipeline.order_files.orders.first_pass import FirstPass
from orders_pipeline.order_files.orders.parse import settled
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.order_files.values.decisions import ColumnEvidence


@dataclass(frozen=True, slots=True)
class Preview:
    """The first orders with their lines, the first rejects, and the number of records that were read."""

    records: int
    orders: pl.DataFrame
    lines: pl.DataFrame
    rejects: pl.DataFrame


def preview_orders(path: Path, identified: Identified, rules: ParseRules, limit: int = 10) -> Preview:
    """Reads the first `limit` orders and rejects.

    Raises:
        FileRefused: the start of the file cannot be read, or the format of a column is ambiguous in it.
    """
    evidence = ColumnEvidence(identified)
    first_pass = FirstPass(identified.opened(path), identified, evidence)
    frames = first_pass.frames()
    raw = next(frames, None)
    frames.close()
    if raw is None:
        nothing = pl.DataFrame()
        return Preview(0, nothing, nothing, nothing)
    raw = _with_companion(path, identified, evidence, raw)
    found = settled(raw, identified, evidence.decide(), rules, first_pass.pages)
    lines = found.lines.filter(pl.col("position") < limit)
    return Preview(raw.height, found.orders.head(limit), lines, found.rejects.head(limit))


def _with_companion(
    path: Path, identified: Identified, evidence: ColumnEvidence, raw: pl.DataFrame
) -> pl.DataFrame:
    found, companion = identify_companion(path, identified), identified.profile.companion
    if found is None or companion is None:
        return raw
    frames = list(FirstPass(*found, evidence).frames())
    return join_orders(raw, pl.concat(frames) if frames else None, companion)
