"""A table that stands in a file twice, its header repeated in between."""

from __future__ import annotations

import polars as pl

from orders_pipeline.importing.errors import FileRefused

COMPARED = 1000


class RepeatedTable:
    """Watches what follows a repeated header; looks at the first `COMPARED` records of each part."""

    def __init__(self, file_name: str, columns: list[str]) -> None:
        self._file_name = file_name
        self._columns = columns
        self._first: list[int] = []
        self._part: list[int] = []
        self._in_first = True
        self._header_line = 0

    def watch(self, frame: pl.DataFrame, headers: pl.Series) -> None:
        """Takes the next records; `headers` marks those that repeat the header.

        Raises:
            FileRefused: the records after a repeated header are those after the first one.
        """
        start = 0
        for at in headers.arg_true():
            self._extend(frame[start:at])
            self.end()
            self._in_first, self._part, self._header_line = False, [], frame["line"][at]
            start = at + 1
        self._extend(frame[start:])

    def end(self) -> None:
        """Compares the part that ends here.

        Raises:
            FileRefused: as `watch`.
        """
        if not self._in_first and len(self._first) > 1 and self._part == self._first:
            message = f"{self._file_name} holds the same table twice: the lines after the header on line"
            raise FileRefused(
                "table_repeated",
                f"{message} {self._header_line} are those after the first header.",
                "Remove one of the two.",
            )

    def _extend(self, records: pl.DataFrame) -> None:
        part = self._first if self._in_first else self._part
        room = COMPARED - len(part)
        if room > 0 and records.height:
            part += records.select(self._columns).head(room).hash_rows(seed=5).to_list()
