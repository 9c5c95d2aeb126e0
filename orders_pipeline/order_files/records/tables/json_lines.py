"""JSON lines: one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

import polars as pl

from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.json_records import (
    BrokenRecordError,
    flattened,
    json_decoder,
)
from orders_pipeline.order_files.records.tables.rows import MAX_COLUMNS, Row, bounded, row_frames, too_wide
from orders_pipeline.order_files.records.tables.table_text import TextLine, table_lines
from orders_pipeline.order_files.reject_codes import RejectCode


class JsonLines:
    """A file with one JSON object a line; blank lines are ignored."""

    label = "JSON lines"
    growth = 1
    errors: tuple[type[Exception], ...] = ()

    def tables(self, source: Source) -> dict[str, bool]:  # noqa: ARG002 the file is the table
        return {"": True}

    def frames(
        self, source: Source, cells: CellText, header: tuple[str, ...] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yields the records; their columns are the keys of all records.

        Raises:
            FileRefused: a line is too long, or the records have too many keys.
        """
        decoder = json_decoder(cells)

        names = positions(header) if header else column_names(source, _values(table_lines(source), decoder))
        rows = chain([Row(0, list(names))], _rows(table_lines(source), decoder, names))
        yield from row_frames(bounded(source, rows))


def column_names(source: Source, records: Iterable[dict[str, str] | None]) -> dict[str, int]:
    """Returns the position of each column, in the order in which the columns first occur.

    Raises:
        FileRefused: there are too many columns.
    """
    names: dict[str, int] = {}
    for record in records:
        if record and not record.keys() <= names.keys():
            for name in record:
                names.setdefault(name, len(names))
            if len(names) > MAX_COLUMNS:
                raise too_wide(source)
    return names


def positions(header: tuple[str, ...]) -> dict[str, int]:
    """Returns the position (from 0) of each column."""
    return {name: at for at, name in enumerate(header)}


def record_row(place: int, record: dict[str, str], names: dict[str, int]) -> Row:
    """Returns the row of a record."""
    return Row(place, [record.get(name, "") for name in names])


def broken_row(place: int, text: str, reason: str, names: dict[str, int]) -> Row:
    """Returns the row of a broken record, with the fields that can be found in its text.

    With its order number, the whole order can be rejected.
    """
    raw = '"' + text.replace('"', '""') + '"'
    return Row(place, [_find(name, text) for name in names], RejectCode.JSON_BROKEN.value, reason, raw)


def _find(name: str, text: str) -> str:
    found = re.search(rf'{re.escape(json.dumps(name))}\s*:\s*(?:"([^"\\]*)"|([^\s,"{{}}\[\]]+))', text)
    return (found[1] or found[2] or "") if found else ""


def _record(text: str, decoder: json.JSONDecoder) -> dict[str, str]:
    try:
        return flattened(decoder.decode(text))
    except RecursionError:
        raise BrokenRecordError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BrokenRecordError(f"{error.msg} at character {error.pos + 1}") from None


def _values(lines: Iterator[TextLine], decoder: json.JSONDecoder) -> Iterator[dict[str, str] | None]:
    for _, text, _ in lines:
        try:
            yield _record(text, decoder)
        except BrokenRecordError:
            yield None


def _rows(lines: Iterator[TextLine], decoder: json.JSONDecoder, names: dict[str, int]) -> Iterator[Row]:
    for number, text, complete in lines:
        try:
            yield record_row(number, _record(text, decoder), names)
        except BrokenRecordError as broken:
            row = broken_row(number, text, str(broken), names)
            yield row if complete else row._replace(problem=RejectCode.CUT_OFF.value)
