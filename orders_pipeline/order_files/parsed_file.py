"""What parsing a file came to, as values that travel as JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out about a file: `confidence` from 0 to 1, `reason` for people."""

    what: str
    value: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """A batch of whole orders in `batch-NNNN.orders.parquet` and `batch-NNNN.lines.parquet`."""

    number: int
    orders: int
    lines: int


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """Counts of a parsed file: `records` = lines in batches + `rejected_lines` + `lines_of_rejected_orders`.

    `orders_rejected` counts the distinct order numbers that have a bad line; `rejects_by_code` leaves out the
    good lines that are lost with their order. `read_as` notes how ambiguous columns were read.
    """

    records: int
    rejected_lines: int
    lines_of_rejected_orders: int
    orders_rejected: int
    rejects_by_code: dict[str, int]
    batches: tuple[ParsedBatch, ...]
    detected: tuple[Finding, ...]
    encoding: str
    read_as: str
