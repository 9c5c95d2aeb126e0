"""The options with which commands export tables, and the export itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.output import emit, progress, wrong_usage
from cli.written_files import written
from orders_pipeline.base.text.numbers import counted
from orders_pipeline.exports.formats.file_format import FileFormat, format_of, write_table
from orders_pipeline.exports.table import ExportTable, Row, json_row

FormatOption = Annotated[
    FileFormat | None,
    typer.Option("--format", help="Default: by the extension of the --output file, otherwise csv."),
]
OutputOption = Annotated[
    Path | None, typer.Option(help="File to write, which must not exist. Default: stdout.", dir_okay=False)
]
EscapeOption = Annotated[
    bool,
    typer.Option("--escape-formulas", help="For CSV: escape text that a spreadsheet would run as a formula."),
]


def chosen_format(said: FileFormat | None, output: Path | None, as_json: bool) -> FileFormat:
    """Returns the format of an export; refuses a format that cannot be written or shown."""
    found = said or (format_of(output.name) if output else FileFormat.CSV)
    if found is None:
        endings = ", ".join(f".{ending}" for ending in FileFormat)
        wrong_usage("format_unknown", f"{output} does not end with one of {endings}.", as_json)
    if output is None and not found.is_text and not as_json and sys.stdout.isatty():
        wrong_usage("no_text", f"A terminal cannot show {found}. Name a file with --output.", as_json)
    return found


def export_table(
    table: ExportTable,
    rows: Iterable[Row],
    file_format: FileFormat,
    output: Path | None,
    *,
    escape_formulas: bool,
    as_json: bool,
) -> None:
    """Writes rows to a file or to stdout. With `as_json`, stdout gets all rows, or the file's name."""
    if as_json and output is None:
        _print_list(table, rows)
        return
    with written(output) as target:
        count = write_table(target, file_format, table, rows, escape_formulas=escape_formulas)
    if output is None:
        return
    if as_json:
        emit({"file": str(output), "format": file_format, "rows": count})
    else:
        progress.print(f"{counted(count, 'row')} in {escape(str(output))}", highlight=False)


def _print_list(table: ExportTable, rows: Iterable[Row]) -> None:
    """Prints one JSON document without loading all rows into memory."""
    before = "["
    for row in rows:
        sys.stdout.write(f"{before}\n  {json.dumps(json_row(table, row), ensure_ascii=False)}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")
