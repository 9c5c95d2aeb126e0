"""The result of parsing a file, as values that can be stored as JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A property detected in a file, with a `confidence` from 0 to 1 and a readable `reason`."""

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

    Attributes:
        lines_of_rejected_orders: good lines of orders that have a bad line.
        orders_rejected: distinct order numbers with a bad line.
        rejects_by_code: counts of bad lines, without the good lines of rejected orders.
        detected: properties found in the file.
        export_note: how ambiguous columns were read; an export of the rejects carries it.
    """

    records: int
    rejected_lines: int
    lines_of_rejected_orders: int
    orders_rejected: int
    rejects_by_code: dict[str, int]
    batches: tuple[ParsedBatch, ...]
    detected: tuple[Finding, ...]
    encoding: str
    export_note: str

    def has_batches_of(self, other: ParsedFile) -> bool:
        """Whether both have the same counts and batches, even if their findings have other texts."""
        return self._counts == other._counts

    @property
    def _counts(self) -> tuple[object, ...]:
        rejected = (self.rejected_lines, self.lines_of_rejected_orders, self.orders_rejected)
        return (self.records, *rejected, self.rejects_by_code, self.batches)
