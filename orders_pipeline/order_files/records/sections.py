"""Finds repeated headers, empty rows, and tables that a file contains twice."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.reject_codes import RejectCode

COMPARED = 1000
SAME_SHARE = 0.8


class Sections:
    """Marks repeated headers and empty records, and compares the tables before and after a repeated header.

    Args:
        header: header text of each column that is read.
        key: the column checked first. Only a record whose value there is blank or the header is checked in
            full.

    Attributes:
        headers: record numbers of the repeated headers so far.
    """

    def __init__(self, file_name: str, header: Mapping[str, str], key: str) -> None:
        self._file_name = file_name
        self._header = header
        self._key = key
        self._first: list[int] = []
        self._section: list[int] = []
        self._in_first = True
        self._header_line = 0
        self.headers: list[int] = []

    def marked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Sets `problem` where a record repeats the header or is blank.

        Raises:
            FileRefused: the records after a repeated header are those before it, except for a few.
        """
        key = frame[self._key].str.strip_chars()
        if not (key.is_null() | (key == "") | (key == self._header[self._key])).any():
            self._extend(frame)
            return frame
        text = {name: pl.col(name).str.strip_chars() for name in self._header}
        whole = pl.col("problem").is_null()
        repeated = whole & pl.all_horizontal(text[name] == value for name, value in self._header.items())
        blank = whole & pl.all_horizontal(value.fill_null("") == "" for value in text.values())
        marks = frame.select(repeated=repeated.fill_null(value=False), blank=blank)
        self._watch(frame, marks["repeated"])
        problem = (
            pl.when(marks["repeated"])
            .then(pl.lit(RejectCode.REPEATED_HEADER.value))
            .when(marks["blank"])
            .then(pl.lit(RejectCode.BLANK_LINE.value))
            .otherwise(pl.col("problem"))
        )
        return frame.with_columns(problem=problem)

    def end(self) -> None:
        """Ends the current section and compares it with the first one.

        If both are equal, their orders are imported once.

        Raises:
            FileRefused: the two sections are equal except for a few records.
        """
        if self._in_first or len(self._first) < 2:
            return
        same = sum(first == again for first, again in zip(self._first, self._section, strict=False))
        if same == len(self._first) == len(self._section):
            return
        if same >= SAME_SHARE * max(len(self._first), len(self._section)):
            message = f"{self._file_name} contains the same table twice. The second one starts on line"
            raise FileRefused(
                "table_repeated", f"{message} {self._header_line}.", "Remove one of the two tables."
            )

    def _watch(self, frame: pl.DataFrame, headers: pl.Series) -> None:
        start = 0
        for at in headers.arg_true():
            self._extend(frame[start:at])
            self.end()
            self._in_first, self._section, self._header_line = False, [], frame["line"][at]
            self.headers.append(frame["record"][at])
            start = at + 1
        self._extend(frame[start:])

    def _extend(self, records: pl.DataFrame) -> None:
        section = self._first if self._in_first else self._section
        room = COMPARED - len(section)
        if room > 0 and records.height:
            section += records.select(list(self._header)).head(room).hash_rows(seed=5).to_list()
