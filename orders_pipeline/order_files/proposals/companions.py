"""Proposes `[companion]`: a second file, in the same folder or archive, that holds fields of the orders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.proposals.column_guesses import guess_columns
from orders_pipeline.order_files.proposals.statuses import Statuses, read_statuses
from orders_pipeline.order_files.proposals.table import Table, read_table
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.source import members_of, open_source

_FILES, _ROWS = 20, 20_000
# The least share of the order numbers that the second file must contain.
_SHARE = 0.9
_POSSIBLE = 0.5
_OF_THE_ORDER = (OrderField.CUSTOMER_ID, OrderField.CUSTOMER_NAME, OrderField.CURRENCY, OrderField.ORDERED_AT)


@dataclass(frozen=True, slots=True)
class SecondFile:
    """A draft of `[companion]`: a pattern of the file's name, the column of each field, and the statuses."""

    file: str
    columns: Mapping[OrderField, str]
    statuses: Statuses


def find_second_file(path: Path, options: ReadOptions, numbers: pl.Series) -> SecondFile | None:
    """Finds a file that contains the dates of the orders with these numbers; None if there is none."""
    wanted = numbers.str.strip_chars().drop_nulls().unique()
    for name, other, read in _others(path, options):
        try:
            table = read_table(other, read, limit=_ROWS)
        except FileRefused:
            continue
        if found := _columns(table, wanted):
            return SecondFile(re.sub(r"\d+", "*", name), found, read_statuses(table))
    return None


def _others(path: Path, options: ReadOptions) -> Iterator[tuple[str, Path, ReadOptions]]:
    """Yields name, path and options of the other files in the same archive.

    Without one, in the same folder.
    """
    plain = ReadOptions()
    if options.member:
        for member in members_of(open_source(path, options.member)):
            if member != options.member:
                yield Path(member).name, path, replace(plain, member=member)
        return
    beside = (
        file
        for file in sorted(path.parent.glob(f"*{path.suffix}"))
        if file != path and file.is_file() and not file.is_symlink()
    )
    yield from ((file.name, file, plain) for file in islice(beside, _FILES))


def _columns(table: Table, wanted: pl.Series) -> dict[OrderField, str] | None:
    guesses = guess_columns(table.header, table.rows)
    found = {guess.field: guess.column for guess in guesses if guess.confidence >= _POSSIBLE}
    number = found.get(OrderField.ORDER_NUMBER)
    if number is None or OrderField.ORDERED_AT not in found:
        return None
    known = table.rows.to_series(table.header.index(number)).str.strip_chars()
    common = int(wanted.is_in(known.implode()).sum())
    if known.is_duplicated().any() or common < _SHARE * wanted.len():
        return None
    return {OrderField.ORDER_NUMBER: number, **{f: found[f] for f in _OF_THE_ORDER if f in found}}
