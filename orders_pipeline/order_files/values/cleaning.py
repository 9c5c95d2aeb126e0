"""Cleans the texts of a file: invisible characters, formulas such as `="00123"`, words for missing values.

To save time, a column is searched only for characters that have occurred in the file so far.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import polars as pl

from orders_pipeline.order_files.columns.invisible import INVISIBLE, INVISIBLE_IN_NAMES, LEADING_BYTES
from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.records.text import TextStream

_NAMES = {OrderField.CUSTOMER_NAME.value, OrderField.PRODUCT_NAME.value}
# How databases, pandas and spreadsheets write a missing value, in any case.
_WORDS = ("null", r"\n", "n/a", "<na>", "nan", "none", "-", "#n/a", "nat")
MISSING_WORDS = frozenset(
    "".join(letters) for word in _WORDS for letters in product(*({c, c.upper()} for c in word))
)
_LONGEST_WORD = max(map(len, _WORDS))
_FORMULA = r'(?s)^\s*="(.*)"\s*$'
# A long number in the scientific notation of a spreadsheet or of pandas. `12E5` may be an ordinary id.
_DAMAGED = r"(?:^|\s)[+-]?[0-9]+(?:[.,][0-9]*)?[eE]\+[0-9]+(?:\s|$)"


@dataclass(slots=True)
class Characters:
    """Whether the text read so far contains `=`, `+`, or the first bytes of invisible characters."""

    equals: bool = False
    plus: bool = False
    invisible: bool = False

    def expect_all(self) -> None:
        """Assumes that all of them occur, for a file whose bytes are not its text, such as a workbook."""
        self.equals = self.plus = self.invisible = True

    def watched(self, chunks: Iterator[bytes], text: TextStream) -> Iterator[bytes]:
        """Yields the chunks of a text, and notes which of the characters they contain."""
        for chunk in chunks:
            self.equals = self.equals or b"=" in chunk
            self.plus = self.plus or b"+" in chunk
            if not (self.invisible or text.all_ascii):
                self.invisible = any(byte in chunk for byte in LEADING_BYTES)
            yield chunk


def cleaned(frame: pl.DataFrame, names: Sequence[str], found: Characters) -> pl.DataFrame:
    """Removes invisible characters from columns, and reads `="00123"` as `00123`."""
    columns = [_cleaned(frame[name], found) for name in names] if found.equals or found.invisible else []
    return frame.with_columns(columns) if columns else frame


def _cleaned(values: pl.Series, found: Characters) -> pl.Series:
    if found.invisible and (values.str.len_bytes() != values.str.len_chars()).any():
        pattern = INVISIBLE_IN_NAMES if values.name in _NAMES else INVISIBLE
        values = values.str.replace_all(pattern, "")
    if found.equals and values.str.contains("=", literal=True).any():
        values = values.str.replace(_FORMULA, "$1")
    return values


def is_missing_word(text: pl.Expr) -> pl.Expr:
    """Whether a trimmed text stands for a missing value."""
    return text.is_in(list(MISSING_WORDS))


def without_missing_words(
    frame: pl.DataFrame, names: Sequence[str], kept: Collection[str] = ()
) -> pl.DataFrame:
    """Replaces trimmed words for a missing value with null, except for the words in `kept`."""
    words = list(MISSING_WORDS - set(kept))
    found = [name for name in names if _has_one_of(words, frame[name])]
    if not found:
        return frame
    return frame.with_columns(pl.when(~pl.col(name).is_in(words)).then(name).alias(name) for name in found)


def _has_one_of(words: list[str], values: pl.Series) -> bool:
    if not (values.str.len_bytes() <= _LONGEST_WORD).any():
        return False
    first = values.first()
    if first is not None and (values == first).all():
        return first in words
    return values.is_in(words).any()


def is_damaged(ids: pl.Expr) -> pl.Expr:
    """Whether an id is a number that a spreadsheet or pandas has rounded, such as `1.5E+12`."""
    return ids.str.contains(_DAMAGED).fill_null(value=False)


def without_damaged_customers(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Replaces damaged customer ids with null; also returns their number."""
    name = OrderField.CUSTOMER_ID.value
    if name not in frame.columns:
        return frame, 0
    bad = frame.select(is_damaged(pl.col(name).str.strip_chars())).to_series()
    return frame.with_columns(pl.when(~bad).then(name).alias(name)), int(bad.sum())
