"""The columns of a file with examples, and what a profile reads from each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.profile import Profile
from orders_pipeline.order_files.proposals.table import Table, read_table
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.content import Content

LOOKED_AT = 1000
EXAMPLES = 3
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column of a file.

    Attributes:
        at: its position, from 0.
        examples: its first distinct values.
        uses: what the profile reads from it: fields, amounts, `skip`, `payment`, `leave_out` or `items`.
    """

    at: int
    name: str
    examples: tuple[str, ...]
    uses: tuple[str, ...] = ()


def columns_of(table: Table, profile: Profile | None = None) -> list[ShownColumn]:
    """Returns the columns of a table; without a profile, their `uses` are empty."""
    uses = uses_of(profile, table.header) if profile else {}
    return [
        ShownColumn(at, name, _examples(table.rows.to_series(at)), tuple(uses.get(at, ())))
        for at, name in enumerate(table.header)
    ]


def table_of(path: Path, identified: Identified) -> Table:
    """Returns the first rows of an identified file, with all columns.

    Raises:
        FileRefused: they cannot be read.
    """
    options = replace(identified.options, header_line=identified.header_line or None)
    if identified.content is Content.TEXT:
        dialect = identified.dialect
        options = replace(
            options,
            delimiter=dialect.delimiter,
            quote=dialect.quote,
            escape=dialect.escape,
            encoding=identified.encoding,
        )
    else:
        options = replace(options, sheet=identified.table or None)
    return first_rows(path, options)


def first_rows(path: Path, options: ReadOptions) -> Table:
    """Returns the first rows of a file.

    Raises:
        FileRefused: they cannot be read.
    """
    return read_table(path, options, LOOKED_AT)


def uses_of(profile: Profile, header: tuple[str, ...]) -> dict[int, list[str]]:
    """Returns what a profile reads from each column of a header, by the column's position (from 0)."""
    found: dict[int, list[str]] = {}
    for name, place in _used(profile, header):
        if name not in found.setdefault(place, []):
            found[place].append(name)
    return found


def _used(profile: Profile, header: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    yield from ((field.value, place) for field, place in profile.locate(header).items())
    named = [(field.value, name) for field, names in profile.joined.items() for name in names]
    for column, name in profile.money_columns.items():
        named.append(("payment" if column.startswith("payment") else column.partition("+")[0], name))
    named += [("skip", name) for name in profile.skip]
    named += [("leave_out", name) for rule in profile.left_out_columns for _, name, _ in rule]
    for use, name in named:
        yield from ((use, place) for place in profile.places((name,), header)[:1])
    if profile.items:
        yield from (("items", place) for place in profile.items.places(header).values())


def _examples(values: pl.Series) -> tuple[str, ...]:
    text = values.drop_nulls().str.strip_chars()
    filled = text.filter(text != "").unique(maintain_order=True).head(EXAMPLES)
    return tuple(one[:SHOWN_CHARACTERS] for one in filled)
