"""The contract of a table format: a kind of file whose records are rows of cells, not lines of text.

All later steps (header, columns, values, rejects and their export) are the same as for delimited text. To
add a format, write a class with these members, or a `PackedWorkbook`, in its own module and enter it in
`known_tables.py`. In `content.py`, add a member to `Content`, the place of its records, and how it is
detected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import polars as pl

from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.cell_text import CellText


class TableFormat(Protocol):
    """A kind of file that contains tables.

    Attributes:
        label: what users call such a file.
        growth: estimated bytes of text for each byte on disk.
        errors: the exceptions that reading a damaged file raises.
    """

    label: str
    growth: int
    errors: tuple[type[Exception], ...]

    def tables(self, source: Source) -> dict[str, bool]:
        """Returns whether each table is visible, by its name.

        The name is empty if the file itself is the table.
        """

    def frames(
        self, source: Source, cells: CellText, header: tuple[str, ...] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows of `source.table`, the header row first, as `rows.row_frames` does.

        Args:
            header: the columns, if they are known from an earlier reading of the file.
        """
