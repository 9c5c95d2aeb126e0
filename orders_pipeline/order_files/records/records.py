"""Turns a stream of UTF-8 text into frames of records.

Most lines are read vectorised; multi-line and broken records are scanned character by character.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.line_frames import LineFrames, LineKind
from orders_pipeline.order_files.records.lines import Lines, cut, split_lines, strip_blank_end
from orders_pipeline.order_files.records.odd_records import OddRecordReader
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.text import STAND_IN, STAND_IN_PATTERN, STAND_IN_PREFIX
from orders_pipeline.order_files.reject_codes import RejectCode

MAX_LINE_BYTES = 16 << 20
MAX_BLANK_BYTES = 1 << 20
MAX_FRAME_LINES = 200_000

_BYTES = {chr(STAND_IN + byte): f"0x{byte:02X}" for byte in range(256)}


class RecordReader:
    """Reads frames in the layout's schema: record number, physical line, raw text, problem and fields.

    Records are numbered from 1 after the skipped ones. Blank lines at the end of the file are ignored.
    """

    def __init__(self, dialect: Dialect, layout: Layout, file_name: str) -> None:
        self._file_name = file_name
        self._line = 1
        self._record = 1 - layout.skip_records
        self._left = b""
        self._frames = LineFrames(dialect, layout)
        self._odd = OddRecordReader(dialect, layout)

    def frames(self, chunks: Iterator[bytes]) -> Iterator[pl.DataFrame]:
        """Yields frames in file order, about one for each chunk.

        Raises:
            FileRefused: a line is longer than `MAX_LINE_BYTES`.
        """
        carry = b""
        for chunk in chunks:
            block, rest = cut(carry + chunk)
            self._refuse_endless_line(rest)
            body, blanks = strip_blank_end(block)
            if len(blanks) > MAX_BLANK_BYTES:
                body, blanks = block, b""
            yield from self._block(body, final=False)
            carry = self._left + blanks + rest
        last = None
        for frame in self._block(carry.rstrip(b"\r\n"), final=True):
            if last is not None:
                yield last
            last = frame
        if last is not None:
            yield last if carry.endswith((b"\r", b"\n")) else _mark_cut_off(last)

    def _refuse_endless_line(self, rest: bytes) -> None:
        if len(rest) > MAX_LINE_BYTES:
            size = f"{MAX_LINE_BYTES >> 20} MiB"
            message = f"{self._file_name} has a line longer than {size}, which cannot be an order line."
            raise FileRefused("line_too_long", message, "Check that this is a CSV file.")

    def _block(self, block: bytes, *, final: bool) -> Iterator[pl.DataFrame]:
        """Reads the records of `block`; keeps an incomplete record at its end in `_left`."""
        lines = split_lines(block)
        start, size = 0, MAX_FRAME_LINES
        while start < len(lines):
            window = lines.window(start, size)
            last = start + len(window) == len(lines)
            frame, taken = self._records(window, block, final=final and last)
            if not taken and last:
                break
            start, size = start + taken, MAX_FRAME_LINES if taken else size * 2
            numbered = self._numbered(frame, taken)
            if numbered.height:
                yield numbered
        self._left = lines.tail(start)

    def _records(self, lines: Lines, block: bytes, *, final: bool) -> tuple[pl.DataFrame, int]:
        """Reads the records of `lines`, a part of `block`; returns them with the number of lines read."""
        places = pl.int_range(len(lines), dtype=pl.Int64, eager=True)
        table = pl.DataFrame({"line": places, "raw": lines.text})
        if any(character.encode() in block for character in self._frames.special):
            frame, taken = self._mixed(table, lines, final=final)
        else:
            frame, taken = self._frames.plain(table), len(lines)
        return (mark_undecodable(frame) if STAND_IN_PREFIX in block else frame), taken

    def _numbered(self, frame: pl.DataFrame, lines: int) -> pl.DataFrame:
        numbers = pl.int_range(self._record, self._record + frame.height, dtype=pl.Int64)
        numbered = frame.with_columns(record=numbers, line=pl.col("line") + self._line)
        skipped = max(0, 1 - self._record)
        self._line += lines
        self._record += frame.height
        return numbered.slice(skipped)

    def _mixed(self, table: pl.DataFrame, lines: Lines, *, final: bool) -> tuple[pl.DataFrame, int]:
        kinds = self._frames.kinds(table)
        odd = self._odd.read(lines, (kinds == LineKind.ODD).arg_true(), self._line, final=final)
        if odd.absorbed:
            kinds = kinds.scatter(pl.Series(odd.absorbed, dtype=pl.UInt32), LineKind.TAKEN)
        kinds, table = kinds.head(odd.taken), table.head(odd.taken)
        plain = self._frames.plain(table.filter(kinds == LineKind.PLAIN))
        quoted = self._frames.quoted(table.filter(kinds == LineKind.QUOTED))
        return pl.concat([plain, quoted, odd.frame]).sort("line"), odd.taken


def _mark_cut_off(frame: pl.DataFrame) -> pl.DataFrame:
    """Marks the last line of a file that ends without a line end, if that line is broken."""
    last = pl.int_range(pl.len()) == frame.height - 1
    broken = pl.col("problem").is_in([RejectCode.FIELD_COUNT.value, RejectCode.UNCLOSED_QUOTE.value])
    code = pl.when(last & broken).then(pl.lit(RejectCode.CUT_OFF.value)).otherwise(pl.col("problem"))
    return frame.with_columns(problem=code)


def mark_undecodable(frame: pl.DataFrame) -> pl.DataFrame:
    """Sets `problem` where a record contains stand-ins for bytes that are not valid in the encoding."""
    bad = pl.col("raw").str.contains(STAND_IN_PATTERN) & pl.col("problem").is_null()
    first = pl.col("raw").str.extract(f"({STAND_IN_PATTERN})")
    return frame.with_columns(
        problem=pl.when(bad).then(pl.lit(RejectCode.UNDECODABLE.value)).otherwise(pl.col("problem")),
        detail=pl.when(bad).then(first.replace_strict(_BYTES, default=None)).otherwise(pl.col("detail")),
    )
