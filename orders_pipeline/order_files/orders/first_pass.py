"""The first pass over a file: names the columns after order fields and collects evidence of their formats."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from orders_pipeline.base.text.formulas import escaped_sign
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.layout import order_layout
from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.export_note import REASON_COLUMNS
from orders_pipeline.order_files.orders.fill_down import FillDown
from orders_pipeline.order_files.orders.items import unpack_items
from orders_pipeline.order_files.orders.leaving_out import LeavingOut
from orders_pipeline.order_files.orders.skipping import Skipping
from orders_pipeline.order_files.orders.spill import Plan, Spill, plan_parts
from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.order_files.read_options import BrokenLines, ParseRules
from orders_pipeline.order_files.records.ahead import prefetched
from orders_pipeline.order_files.records.broken_lines.repairs import Repairs
from orders_pipeline.order_files.records.cell_errors import mark_cell_errors
from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.encodings import DetectedEncoding
from orders_pipeline.order_files.records.records import RecordReader
from orders_pipeline.order_files.records.sections import Sections
from orders_pipeline.order_files.records.source import Source, read_chunks
from orders_pipeline.order_files.records.tables.known_tables import TABLES
from orders_pipeline.order_files.records.tables.table_reader import table_records
from orders_pipeline.order_files.records.text import TextStream
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.cleaning import (
    cleaned,
    is_missing_word,
    without_missing_words,
)
from orders_pipeline.order_files.values.convert import order_key
from orders_pipeline.order_files.values.decisions import ColumnEvidence

ORDER = OrderField.ORDER_NUMBER.value


class FirstPass:
    """Reads a file once into a spill; `records` and `encoding` are valid after the last frame."""

    def __init__(
        self, source: Source, identified: Identified, evidence: ColumnEvidence, *, contacts: bool = False
    ) -> None:
        self.records = 0
        self._last_order: str | None = None
        self._source = source
        self._identified = identified
        self._evidence = evidence
        self._skipping = Skipping(identified.profile, identified.payment)
        self._leaving_out = LeavingOut(identified.profile)
        self._layout = order_layout(identified, contacts=contacts)
        self._fill_down = FillDown(identified.profile, number_first=self._layout.columns.get(ORDER) == 0)
        self._text = TextStream(identified.encoding)
        self._header = {name: identified.header[at] for name, at in self._layout.columns.items()}
        # If an order number is joined from several columns, only the first column can be used here.
        self._number = [name for name in self._layout.columns if name in (ORDER, f"{ORDER}+0")]
        self._repairs = Repairs(
            source, identified.encoding, identified.dialect, self._layout, keep_quotes=False
        )
        self._sections = Sections(identified.file_name, self._header, self._number[-1])

    @property
    def encoding(self) -> DetectedEncoding | None:
        """The encoding, if it was detected only while reading; see `TextStream.decided`."""
        return self._text.decided

    @property
    def warnings(self) -> list[FileWarning]:
        """Warnings about the values that were read."""
        return [*self._repairs.warnings, *self._skipping.warnings(), *self._leaving_out.warnings()]

    @property
    def pages(self) -> list[int]:
        """Record numbers of the repeated headers."""
        return self._sections.headers

    def frames(self) -> Generator[pl.DataFrame]:
        """Yields the records, prepared for conversion.

        Raises:
            FileRefused: the file cannot be read to its end, or contains the same table twice.
        """
        for frame in prefetched(self._records()):
            prepared = self._prepared(frame)
            self.records += prepared.height
            self._evidence.add(prepared)
            yield prepared
        self._sections.end()

    def _records(self) -> Iterator[pl.DataFrame]:
        identified = self._identified
        if self._source.content is not Content.TEXT:
            self._evidence.characters.expect_all()
            return table_records(self._source, identified.cells, self._layout, identified.header)
        reader = RecordReader(identified.dialect, self._layout, identified.file_name)
        text = self._text.decoded(read_chunks(self._source))
        frames = reader.frames(self._evidence.characters.watched(text, self._text))
        return (
            frames if identified.options.broken_lines == BrokenLines.REJECT else self._repairs.applied(frames)
        )

    def spilled(self, folder: Path, rules: ParseRules, plan: Plan | None = None) -> tuple[Spill, Plan]:
        """Reads all records into the parts of a plan; without `plan`, one is made by `rules`."""
        frames = self.frames()
        first = next(frames, None)
        if plan is None:
            lines = 0.0 if first is None else self._expected_lines(first)
            plan = plan_parts(lines, rules.batch_lines, rules.workers)
        spill = Spill(folder, plan.parts)
        for frame in chain([] if first is None else [first], frames):
            spill.add(frame)
        return spill, plan

    def _expected_lines(self, first: pl.DataFrame) -> float:
        bytes_per_line = int(first["raw"].str.len_bytes().sum()) / first.height + 1
        content = self._source.content
        growth = 1 if content is Content.TEXT else TABLES[content].growth
        return self._source.unpacked_size() * growth / bytes_per_line

    def _prepared(self, frame: pl.DataFrame) -> pl.DataFrame:
        profile = self._identified.profile
        frame = mark_cell_errors(frame, self._header, self._source.content)
        frame = cleaned(self._unescaped(frame), list(self._layout.columns), self._evidence.characters)
        frame = without_missing_words(
            frame, [name for name in profile.money_columns if name in frame.columns]
        )
        frame = self._leaving_out.marked(self._skipping.marked(self._sections.marked(frame)))
        frame = self._joined(frame)
        header = pl.col("problem").eq_missing(RejectCode.REPEATED_HEADER.value)
        frame = frame.with_columns(order=pl.when(~header).then(order_key(pl.col(ORDER)))).drop(ORDER)
        frame = self._completed(self._fill_down.filled(without_missing_words(frame, ["order"])))
        return unpack_items(frame, profile.items, self._identified.cells) if profile.items else frame

    def _unescaped(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Removes the apostrophes that an export of rejects puts before formulas."""
        if REASON_COLUMNS[0] not in self._identified.header:
            return frame
        sign = escaped_sign(self._identified.dialect.delimiter)
        return frame.with_columns(pl.col(*self._layout.columns).str.replace_all(sign, "${1}${2}"))

    def _completed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Gives a last line with a cut-off order number the order number of the line before.

        The cut number must be a prefix of that order number: the line may belong to that order.
        """
        orders = [self._last_order, *frame["order"].tail(2)][-2:]
        self._last_order = orders[-1]
        if (
            frame["problem"][-1] != RejectCode.CUT_OFF
            or not orders[0]
            or not orders[0].startswith(orders[-1] or "-")
        ):
            return frame
        place = max(at for name, at in self._layout.columns.items() if name.partition("+")[0] == ORDER)
        if frame["raw"][-1].count(self._identified.dialect.delimiter) > place:
            return frame
        last = pl.int_range(pl.len()) == frame.height - 1
        return frame.with_columns(order=pl.when(last).then(pl.lit(orders[0])).otherwise(pl.col("order")))

    def _joined(self, frame: pl.DataFrame) -> pl.DataFrame:
        for field in self._identified.profile.joined:
            parts = [name for name in frame.columns if name.startswith(f"{field.value}+")]
            if parts:
                filled = [
                    pl.when(~is_missing_word(pl.col(part).str.strip_chars())).then(part) for part in parts
                ]
                text = pl.concat_str(filled, separator=" ", ignore_nulls=True)
                frame = frame.with_columns(text.alias(field.value)).drop(parts)
        return frame
