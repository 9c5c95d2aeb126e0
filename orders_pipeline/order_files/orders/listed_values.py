"""Columns whose values a profile lists: which lines have a listed value, and which values do not occur."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from orders_pipeline.order_files.columns.money_columns import ANY_VALUE
from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.order_files.values.cleaning import is_missing_word

VALUES_SHOWN = 8
VALUE_LENGTH = 40


class ListedValues:
    """The values that a profile lists for one column. They are compared without case; `*` is any value.

    Args:
        name: name of the column in frames.
        header: name of the column in the file.
        what: what the profile does with a listed value, such as `skips orders`.
        code: code of the warning.
    """

    def __init__(self, name: str, header: str, listed: tuple[str, ...], what: str, code: str) -> None:
        self.name = name
        self._header = header
        self._unseen = {value.strip().lower(): value.strip() for value in listed}
        self._listed = list(self._unseen)
        self._what = what
        self._code = code
        self._examples: dict[str, str] = {}

    @property
    def matches(self) -> pl.Expr:
        """Whether a line has a listed value. An empty text in the list matches blank and missing values."""
        text = pl.col(self.name).str.strip_chars().fill_null("")
        blank = (text == "") | is_missing_word(text)
        listed = text.str.to_lowercase().is_in(self._listed)
        if "" in self._listed:
            listed |= blank
        return listed | ~blank if ANY_VALUE in self._listed else listed

    def remember(self, frame: pl.DataFrame) -> None:
        """Stores which listed values occur in the next frame, and some of its values as examples."""
        for value in frame[self.name].fill_null("").unique(maintain_order=True).str.strip_chars():
            self._unseen.pop(value.lower(), None)
            if len(self._examples) <= VALUES_SHOWN:
                self._examples.setdefault(value.lower(), value)

    def warnings(self) -> Iterator[FileWarning]:
        """Yields a warning if a listed value occurs on no line; the warning shows values that occur."""
        unseen = [shown for value, shown in self._unseen.items() if value != ANY_VALUE]
        if not self._examples or not unseen:
            return
        seen = [value for value in self._examples.values() if value]
        values = ", ".join(repr(value[:VALUE_LENGTH]) for value in seen[:VALUES_SHOWN]) or "none"
        more = ", ..." if len(seen) > VALUES_SHOWN else ""
        message = (
            f"The profile {self._what} by the column {self._header!r}, but no line has "
            f"{' or '.join(map(repr, unseen))} there. Its values are {values}{more}."
        )
        yield FileWarning(self._code, message, len(unseen))
