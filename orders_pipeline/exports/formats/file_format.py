"""The formats in which tables leave the system."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO

from orders_pipeline.exports.formats.text_files import write_csv, write_json_lines
from orders_pipeline.exports.table import ExportTable, Row


class FileFormat(StrEnum):
    """A format, by the ending of its files."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"

    @property
    def is_text(self) -> bool:
        """Whether a terminal can show it."""
        return self in (FileFormat.CSV, FileFormat.JSON_LINES)

    @property
    def media_type(self) -> str:
        """Its media type for HTTP."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.JSON_LINES: "application/jsonl",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def format_of(name: str) -> FileFormat | None:
    """The format that the ending of a file's name says, if it says one."""
    ending = PurePath(name).suffix.removeprefix(".").lower()
    return FileFormat(ending) if ending in set(FileFormat) else None


def write_table(
    target: BinaryIO,
    file_format: FileFormat,
    table: ExportTable,
    rows: Iterable[Row],
    *,
    escape_formulas: bool = False,
) -> int:
    """Writes rows in a format as they come, without having all in memory, and returns how many.

    Args:
        escape_formulas: for CSV, put an apostrophe before text that a spreadsheet would run as a formula. In
            a workbook no text is a formula.
    """
    match file_format:
        case FileFormat.CSV:
            return write_csv(target, table, rows, escape_formulas=escape_formulas)
        case FileFormat.JSON_LINES:
            return write_json_lines(target, table, rows)
        case FileFormat.PARQUET:
            # Loaded on demand: each takes a while.
            from orders_pipeline.exports.formats.parquet_file import write_parquet  # noqa: PLC0415

            return write_parquet(target, table, rows)
        case FileFormat.XLSX:
            from orders_pipeline.exports.formats.xlsx_file import write_xlsx  # noqa: PLC0415

            return write_xlsx(target, table, rows)
