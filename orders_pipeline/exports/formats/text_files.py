"""CSV and JSON lines, in UTF-8."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import BinaryIO, TextIO

from orders_pipeline.base.text.formulas import escaping
from orders_pipeline.exports.table import ExportTable, Kind, Row, json_row, time_text


def write_csv(
    target: BinaryIO, table: ExportTable, rows: Iterable[Row], *, escape_formulas: bool = False
) -> int:
    """Writes rows below a header row, and returns how many.

    Args:
        escape_formulas: put an apostrophe before text that a spreadsheet would run as a formula.
    """
    texts, times = table.places(Kind.TEXT), table.places(Kind.TIME)
    escaped = escaping() if escape_formulas else None
    count = 0
    with _text(target) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.names)
        for row in rows:
            values = list(row)
            for at in times:
                values[at] = time_text(values[at]) if values[at] is not None else None
            if escaped:
                for at in texts:
                    values[at] = escaped(values[at]) if values[at] else values[at]
            writer.writerow(values)
            count += 1
    return count


def write_json_lines(target: BinaryIO, table: ExportTable, rows: Iterable[Row]) -> int:
    """Writes a JSON object for each row, and returns how many."""
    count = 0
    with _text(target) as text:
        for row in rows:
            text.write(json.dumps(json_row(table, row), ensure_ascii=False) + "\n")
            count += 1
    return count


@contextmanager
def _text(target: BinaryIO) -> Iterator[TextIO]:
    text = TextIOWrapper(target, "utf-8", newline="")
    try:
        yield text
    finally:
        text.detach()  # flushes, and leaves the target open
