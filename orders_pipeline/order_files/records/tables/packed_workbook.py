"""What the formats of packed workbooks (.xlsx, .ods) have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.rows import Row, bounded, row_frames
from orders_pipeline.order_files.records.tables.xml_parts import PACKED_ERRORS, XmlParts, opened


@dataclass(slots=True)
class PackedWorkbook:
    """A format whose files are ZIP archives of XML parts, which are read as a stream.

    Attributes:
        label, growth, errors: as in `TableFormat`.
        sheets: returns whether each sheet is visible, by its name.
        rows: yields the rows of the sheet `source.table`.
    """

    label: str
    growth: int
    sheets: Callable[[Source, XmlParts], dict[str, bool]]
    rows: Callable[[Source, XmlParts, CellText], Iterator[Row]]
    errors: tuple[type[Exception], ...] = PACKED_ERRORS

    def tables(self, source: Source) -> dict[str, bool]:
        """Returns whether each sheet is visible, by its name."""
        with opened(source) as parts:
            return self.sheets(source, parts)

    def frames(
        self,
        source: Source,
        cells: CellText,
        header: tuple[str, ...] | None = None,  # noqa: ARG002 it is a row of the sheet
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows of the sheet that are not blank."""
        with opened(source) as parts:
            yield from row_frames(bounded(source, self.rows(source, parts, cells)))
