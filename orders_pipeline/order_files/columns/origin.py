"""Finds the import whose rejects a file contains, even if a spreadsheet program saved the export."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.export_note import exported_from, exported_in
from orders_pipeline.order_files.records.content import Content
from orders_pipeline.order_files.records.source import Source, open_source
from orders_pipeline.order_files.records.tables.cell_text import CellText

_WORKBOOKS = {Content.XLSX, Content.XLS, Content.ODS}


def origin_of(path: Path) -> str | None:
    """Returns the partition key of that import; None for any other file, and for one that cannot be read."""
    with suppress(FileRefused):
        source = open_source(path)
        if source.content not in _WORKBOOKS:
            return exported_from(path)
        # Loads polars, which is not needed for text.
        from orders_pipeline.order_files.records.tables.table_reader import tables_in  # noqa: PLC0415

        return next(filter(None, (_origin(source, name) for name in tables_in(source))), None)
    return exported_from(path)


def _origin(source: Source, table: str) -> str | None:
    from orders_pipeline.order_files.records.tables.first_records import first_records  # noqa: PLC0415

    with suppress(FileRefused):
        header = first_records(replace(source, table=table), CellText()).records[0]
        return exported_in(",".join(header.fields).encode())
    return None
