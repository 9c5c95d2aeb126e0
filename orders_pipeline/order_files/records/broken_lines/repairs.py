"""Reads broken lines that have only one possible reading, and warns about each kind of fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import polars as pl

from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.order_files.records.broken_lines.column_shapes import learn_shape
from orders_pipeline.order_files.records.broken_lines.readings import Fault, LineReader
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.text import STAND_IN_PATTERN
from orders_pipeline.order_files.reject_codes import RejectCode

# The most broken lines that are examined. A file with more is damaged as a whole, and each line takes time.
MOST_LOOKED_AT = 500

_BROKEN = [code.value for code in (RejectCode.FIELD_COUNT, RejectCode.STRAY_QUOTE, RejectCode.UNCLOSED_QUOTE)]
# Lines with undecodable bytes, and parts of records that span several lines.
_UNREADABLE = f"[\\r\\n]|{STAND_IN_PATTERN}"
_HINT = "Check these lines, or set broken_lines to reject."
_MESSAGES = {
    Fault.DELIMITER_MISSING: "Lines lack a delimiter. It was added where it must be, because only "
    f"then each field looks like its column. {_HINT}",
    Fault.DELIMITER_DOUBLED: "Lines have an extra delimiter next to a blank field. They were read "
    f"without it, because only then each field looks like its column. {_HINT}",
    Fault.OTHER_DELIMITER: "Lines use another delimiter than the rest of the file. They were read with "
    f"it, because then each field looks like its column. {_HINT}",
    Fault.STRAY_QUOTE: "Lines have a stray quote in a column that is not imported. They were read, because "
    f"there is only one way to divide them into fields that look like their columns. {_HINT}",
}


class Repairs:
    """Reads the broken lines of a file that have only one possible reading.

    Args:
        keep_quotes: whether the columns that are read may keep a stray quote in their text. An import must
            not: a stray quote in an order number would make it another order.
    """

    def __init__(
        self, source: Source, encoding: str, dialect: Dialect, layout: Layout, *, keep_quotes: bool
    ) -> None:
        self._source = source
        self._encoding = encoding
        self._dialect = dialect
        self._layout = layout
        self._keep_quotes = keep_quotes
        self._looked_at = 0
        self._broken_before = False
        self._faults: Counter[Fault] = Counter()

    @property
    def warnings(self) -> list[FileWarning]:
        """One warning for each kind of fault so far."""
        return [FileWarning(fault.value, _MESSAGES[fault], count) for fault, count in self._faults.items()]

    def applied(self, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yields the records again; broken lines with only one possible reading have their fields now."""
        held: pl.DataFrame | None = None
        for new in frames:
            frame = new if held is None else pl.concat([held, new])
            # A broken record at the end is held until it is known whether the next one is broken too.
            held = frame.tail(1) if frame["problem"][-1] in _BROKEN else None
            ready = frame if held is None else frame.head(-1)
            if ready.height:
                yield self._repaired(ready, broken_follows=held is not None)
        if held is not None:
            yield self._repaired(held, broken_follows=False)

    def _repaired(self, frame: pl.DataFrame, *, broken_follows: bool) -> pl.DataFrame:
        if frame["problem"].null_count() == frame.height:
            self._broken_before = False
            return frame
        lines = frame.filter(self._worth_a_look(frame, broken_follows=broken_follows))
        lines = lines.head(MOST_LOOKED_AT - self._looked_at)
        self._looked_at += lines.height
        read = [
            row for line in lines.select("record", "line", "raw").iter_rows() for row in self._read(*line)
        ]
        if not read:
            return frame
        new = pl.DataFrame(read, schema=self._layout.schema, orient="row")
        return pl.concat([frame.join(new, on="record", how="anti"), new]).sort("record")

    def _worth_a_look(self, frame: pl.DataFrame, *, broken_follows: bool) -> pl.Series:
        """Selects the broken lines to examine.

        Adjacent lines with a wrong number of fields are left out, because they may be another table.
        """
        broken = frame["problem"].is_in(_BROKEN).fill_null(value=False)
        before = broken.shift(1, fill_value=self._broken_before)
        after = broken.shift(-1, fill_value=broken_follows)
        self._broken_before = broken[-1]
        miscounted = frame["problem"] == RejectCode.FIELD_COUNT.value
        return broken & ~(miscounted & (before | after)) & ~frame["raw"].str.contains(_UNREADABLE)

    def _read(self, record: int, line: int, raw: str) -> Iterator[tuple[object, ...]]:
        reading = self._reader.only_reading(raw) if self._reader else None
        if reading is None or reading.fault is None:
            return
        picked = [reading.fields[at] for at in self._layout.columns.values()]
        tolerant = reading.fault in (Fault.STRAY_QUOTE, Fault.OTHER_DELIMITER) and not self._keep_quotes
        if not tolerant or not any((self._dialect.quote or "\n") in field for field in picked):
            self._faults[reading.fault] += 1
            yield (record, line, raw, None, None, *picked)

    @cached_property
    def _reader(self) -> LineReader | None:
        """A reader that knows what the columns look like.

        None if the start of the file is not enough for that.
        """
        shape = learn_shape(self._source, self._encoding, self._dialect, self._layout)
        return None if shape is None else LineReader(self._dialect, shape)
