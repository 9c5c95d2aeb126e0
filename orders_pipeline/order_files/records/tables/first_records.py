"""The first records of a table, for identifying the file, and the choice among several tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.encodings import DetectedEncoding
from orders_pipeline.order_files.records.scanner import Scanned
from orders_pipeline.order_files.records.sniff import SNIFFED_RECORDS, Sniffed
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.known_tables import TABLES
from orders_pipeline.order_files.records.tables.table_reader import table_rows, tables_in

IN_UNICODE = DetectedEncoding("utf-8", 1.0, "the format says so")
_SHOWN = 10

Result = TypeVar("Result")


def first_records(source: Source, cells: CellText) -> Sniffed:
    """Reads the first records of a table, as if they came from a CSV file.

    Raises:
        FileRefused: the table is empty, none of its first rows can be read, or the file is damaged.
    """
    with closing(table_rows(source, cells)) as frames:
        rows = next(frames, None)
    if rows is None:
        raise _empty(source)
    head = rows.head(SNIFFED_RECORDS)
    columns = [name for name in head.columns if name.isdecimal()]
    if not columns:
        raise _without_columns(source, head["detail"].drop_nulls().to_list())
    texts = [_without_blank_end(row) for row in head.select(columns).rows()]
    width = Counter(map(len, texts)).most_common(1)[0][0]
    places = head["line"].to_list()
    lines = [after - place for place, after in zip(places, [*places[1:], places[-1] + 1], strict=True)]
    records = tuple(Scanned(row, count) for row, count in zip(texts, lines, strict=True))
    return Sniffed(Dialect(), records, width, 1.0, 1.0, places[0])


def _empty(source: Source) -> FileRefused:
    message = f"{source.name} has no rows. A header row and order lines were expected."
    return FileRefused("file_empty", message, "Export it again.")


def _without_columns(source: Source, broken: list[str]) -> FileRefused:
    """Returns the refusal of JSON whose first objects are all broken or empty."""
    if not broken:
        return _empty(source)
    message = f"The first records of {source.name} cannot be read: {broken[0]}."
    return FileRefused("file_damaged", message, "Correct them, or export the file again.")


def _without_blank_end(row: tuple[str, ...]) -> list[str]:
    """Returns a row without its last blank cells: columns beside the table do not count."""
    filled = [at for at, text in enumerate(row) if text]
    return list(row[: filled[-1] + 1]) if filled else []


def only_table(source: Source, wanted: str | None, read: Callable[[Source], Result]) -> Result:
    """Reads the table named `wanted`, or the only one that can be read.

    Args:
        wanted: the name of the table; None tries all tables.
        read: reads a table; raises FileRefused if it does not fit.

    Raises:
        FileRefused: there is no such table, none fits, or several fit.
    """
    visible = tables_in(source)
    if wanted is not None:
        if wanted not in visible or not wanted:
            raise _unknown(source, wanted, list(visible))
        return read(replace(source, table=wanted))
    names = [name for name, shown in visible.items() if shown] or list(visible)
    fitting: dict[str, Result] = {}
    refused: list[FileRefused] = []
    for name in names:
        try:
            fitting[name] = read(replace(source, table=name))
        except FileRefused as reason:
            refused.append(reason)
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise _ambiguous(source, list(fitting))
    raise refused[0] if len(refused) == 1 else _none_fits(source, names, refused)


def _unknown(source: Source, wanted: str, names: list[str]) -> FileRefused:
    known = ", ".join(name for name in names[:_SHOWN] if name)
    contained = f"It contains {known}." if known else "It contains one table without a name."
    message = f"{source.name} has no sheet or list {wanted!r}. {contained}"
    return FileRefused("sheet_unknown", message, "Choose one of them, or leave out --sheet.")


def _ambiguous(source: Source, names: list[str]) -> FileRefused:
    message = f"{source.name} contains several tables of orders: {', '.join(names[:_SHOWN])}."
    return FileRefused("sheet_ambiguous", message, f"Choose one, such as --sheet {names[0]!r}.")


def _none_fits(source: Source, names: list[str], refused: list[FileRefused]) -> FileRefused:
    if not names:
        message = f"{source.name} ({TABLES[source.content].label}) contains no table."
        return FileRefused("file_empty", message, "A list of objects or a sheet with rows was expected.")
    chosen = next((reason for reason in refused if reason.code == "column_missing"), refused[0])
    message = f"None of the tables in {source.name} fits ({', '.join(names[:_SHOWN])}). {chosen.message}"
    return FileRefused(chosen.code, message, chosen.hint)
