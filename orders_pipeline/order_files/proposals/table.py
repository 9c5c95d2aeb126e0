"""Reads a delimited file as a table of texts, without knowing what its columns mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.header import widen
from orders_pipeline.order_files.columns.header_names import MOST_COLUMNS
from orders_pipeline.order_files.columns.identified import cell_text
from orders_pipeline.order_files.columns.identify import (
    Looked,
    look_at,
    refuse_long_delimiter,
    refuse_misplaced,
)
from orders_pipeline.order_files.read_options import BrokenLines, ReadOptions
from orders_pipeline.order_files.records.broken_lines.repairs import Repairs
from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.records import RecordReader
from orders_pipeline.order_files.records.scanner import Scanned
from orders_pipeline.order_files.records.sections import Sections
from orders_pipeline.order_files.records.sniff import long_delimiter
from orders_pipeline.order_files.records.source import Source, open_source, read_chunks
from orders_pipeline.order_files.records.tables.first_records import only_table
from orders_pipeline.order_files.records.tables.table_reader import table_records
from orders_pipeline.order_files.records.text import TextStream

# A number, an amount, a date or a time: data rows contain these, header rows do not.
_DATA = re.compile(r"[-+($€£]*\d[\d.,:/ -]*[)%€]?")


@dataclass(frozen=True, slots=True)
class Table:
    """The valid rows of a file, all as text.

    `rejects` has `line`, `code`, `detail` and `raw` of the others.
    """

    header: tuple[str, ...]
    rows: pl.DataFrame
    rejects: pl.DataFrame
    dialect: Dialect
    encoding: str
    header_line: int

    @property
    def records(self) -> int:
        """Number of records after the header row."""
        return self.rows.height + self.rejects.height


def read_table(path: Path, options: ReadOptions, limit: int | None = None) -> Table:
    """Reads a table into memory: all rows, or at least the first `limit` rows.

    Raises:
        FileRefused: the file is not a readable delimited file with a header row, or contains the same table
            twice.
    """
    source = open_source(path, options.member)
    refuse_misplaced(source, options)
    if source.content is Content.TEXT:
        looked, first = _looked(source, options)
    else:
        looked, first = only_table(source, options.sheet, lambda table: _looked(table, options))
    source, (index, header, line) = looked.source, first
    if len(header) > MOST_COLUMNS:
        raise _too_wide(source.name, len(header))
    columns = {f"column_{at}": at for at in range(len(header))}
    sections = Sections(source.name, dict(zip(columns, header, strict=True)), "column_0")
    layout = Layout(len(header), columns, index + 1)
    text = TextStream(looked.encoding.encoding)
    marked = (sections.marked(frame) for frame in _records(looked, layout, header, text))
    frames = list(_up_to(marked, limit))
    if limit is None:
        sections.end()
    table = pl.concat(frames) if frames else pl.DataFrame(schema=layout.schema)
    sound = pl.col("problem").is_null()
    rejects = table.filter(~sound).select("record", "line", code="problem", detail="detail", raw="raw")
    encoding = text.decided or looked.encoding
    rows = table.filter(sound).select(list(columns))
    return Table(header, rows, rejects, looked.sniffed.dialect, encoding.encoding, line)


def _too_wide(name: str, columns: int) -> FileRefused:
    first = f"Its first line has {columns:,} columns, and at most {MOST_COLUMNS:,} are read."
    message = f"{name} has no header row. {first}"
    return FileRefused("header_missing", message, "Add a header row with column names.")


def _looked(source: Source, options: ReadOptions) -> tuple[Looked, tuple[int, tuple[str, ...], int]]:
    looked = look_at(source, options, None, lambda _: False)
    return looked, _first_header(looked)


def _records(
    looked: Looked, layout: Layout, header: tuple[str, ...], text: TextStream
) -> Iterator[pl.DataFrame]:
    source = looked.source
    if source.content is not Content.TEXT:
        return table_records(source, cell_text(looked.options, None), layout, header)
    dialect = looked.sniffed.dialect
    frames = RecordReader(dialect, layout, source.name).frames(text.decoded(read_chunks(source)))
    if looked.options.broken_lines == BrokenLines.REJECT:
        return frames
    return Repairs(source, looked.encoding.encoding, dialect, layout, keep_quotes=True).applied(frames)


def _up_to(frames: Iterator[pl.DataFrame], limit: int | None) -> Iterator[pl.DataFrame]:
    seen = 0
    for frame in frames:
        yield frame
        seen += frame.height
        if limit is not None and seen >= limit:
            return


def _first_header(looked: Looked) -> tuple[int, tuple[str, ...], int]:
    """Returns the record index of the header row, its column names, and its physical line."""
    sniffed, name = looked.sniffed, looked.source.name
    if delimiter := long_delimiter(looked.lines):
        refuse_long_delimiter(name, delimiter)
    line = sniffed.first_line
    is_header = _is_header if looked.source.content is Content.TEXT else _is_table_header
    for index, record in enumerate(sniffed.records):
        names = tuple(field.strip() for field in record.fields)
        if is_header(record, names, sniffed.width) and looked.options.header_line in (None, line):
            return index, widen(names, sniffed.records[index + 1 :]), line
        line += record.lines
    first = ", ".join(next((record.fields for record in sniffed.records if any(record.fields)), []))
    raise FileRefused(
        "header_missing",
        f"{name} has no header row. Its first line is {first[:120]!r}.",
        "Add a header row with column names.",
    )


def _is_header(record: Scanned, names: tuple[str, ...], width: int) -> bool:
    full = len(names) == width or (len(names) == width + 1 and not names[-1])
    # The first column may have no name, such as the index that pandas writes.
    named = all(names[1:-1]) and any(names)
    return record.problem is None and full and named and not any(_DATA.fullmatch(name) for name in names)


def _is_table_header(record: Scanned, names: tuple[str, ...], width: int) -> bool:
    """Whether most columns have a name; not all need one, because a sheet may have notes beside the table."""
    filled = [name for name in names if name]
    named = len(filled) > 1 and len(filled) * 2 > width
    return record.problem is None and named and not any(_DATA.fullmatch(name) for name in filled)
