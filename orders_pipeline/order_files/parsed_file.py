"""The result of parsing a file, as values that can be stored as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Finding:
    """A property detected in a file, with a `confidence` from 0 to 1 and a readable `reason`."""

    what: str
    value: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class FileWarning:
    """Something unusual in a file that was imported anyway, and that a person should check.

    `message` contains no number: `count` is the number of values, lines or orders that the warning is about.
    """

    code: str
    message: str
    count: int


def merged_warnings(warnings: Iterable[FileWarning]) -> tuple[FileWarning, ...]:
    """Adds up warnings with the same code; the first message of each code stays."""
    merged: dict[str, FileWarning] = {}
    for warning in warnings:
        known = merged.get(warning.code)
        merged[warning.code] = (
            replace(known, count=known.count + warning.count) if known is not None else warning
        )
    return tuple(merged.values())


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """A batch of whole orders in `batch-NNNN.orders.parquet` and `batch-NNNN.lines.parquet`."""

    number: int
    orders: int
    lines: int


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """Counts of a parsed file.

    `records` is the sum of the lines in batches, `return_lines`, `rejected_lines`,
    `lines_of_rejected_orders`, `left_out_lines` and `repeated_lines`.

    Attributes:
        lines_of_rejected_orders: good lines of orders that have a bad line.
        orders_rejected: distinct order numbers with a bad line.
        rejects_by_code: counts of bad lines, without the good lines of rejected orders.
        left_out_lines: lines that the profile or an option leaves out of their orders.
        repeated_lines: lines of orders that are repeated after a repeated header.
        detected: properties found in the file.
        export_note: how ambiguous columns were read; an export of the rejects contains this note.
        warnings: what was imported, but should be checked by a person.
        returns: number of accepted returns; 0 unless the profile or an option accepts returns.
        return_lines: number of lines of accepted returns.
        refunded_orders: number of orders for which the file reports refunded money.
        amounts: sums of the discounts, shipping and so on of the accepted orders, by currency, in 1/10,000.
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
    left_out_lines: int = 0
    repeated_lines: int = 0
    warnings: tuple[FileWarning, ...] = ()
    returns: int = 0
    return_lines: int = 0
    refunded_orders: int = 0
    amounts: dict[str, dict[str, int]] = field(default_factory=dict)

    def has_batches_of(self, other: ParsedFile) -> bool:
        """Whether both have the same counts and batches; the texts of their findings may differ."""
        return self._counts == other._counts

    @property
    def _counts(self) -> tuple[object, ...]:
        rejected = (self.rejected_lines, self.lines_of_rejected_orders, self.orders_rejected)
        kept_out = (self.left_out_lines, self.repeated_lines)
        returned = (self.returns, self.return_lines)
        return (self.records, *rejected, *kept_out, *returned, self.rejects_by_code, self.batches)
