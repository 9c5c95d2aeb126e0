"""The vectorised part of the reader: many records at a time, each on one line."""

from __future__ import annotations

import io
import re
from enum import IntEnum

import polars as pl

from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.reject_codes import RejectCode


class LineKind(IntEnum):
    """How a line is read.

    `PLAIN`: is split at the delimiter. `QUOTED`: has well-formed quotes. `ODD`: is scanned character by
    character. `TAKEN`: belongs to a record that starts on an earlier line.
    """

    PLAIN = 0
    QUOTED = 1
    ODD = 2
    TAKEN = 3


class LineFrames:
    """Turns lines that hold one complete record each into frames of records."""

    def __init__(self, dialect: Dialect, layout: Layout) -> None:
        self._dialect = dialect
        self._layout = layout
        self.special = tuple(character for character in (dialect.quote, dialect.escape) if character)

    def kinds(self, table: pl.DataFrame) -> pl.Series:
        """Returns the `LineKind` of each line; only lines without quote or escape characters are `PLAIN`."""
        raw, dialect = pl.col("raw"), self._dialect
        special = pl.any_horizontal(raw.str.contains(c, literal=True) for c in self.special)
        well_formed = raw.str.contains(_well_formed(dialect, self._layout.width))
        if dialect.escape:
            well_formed &= ~raw.str.contains(dialect.escape, literal=True)
        if dialect.skip_space or not dialect.quote:
            well_formed = pl.lit(value=False)
        kind = (
            pl.when(~special)
            .then(LineKind.PLAIN)
            .when(well_formed)
            .then(LineKind.QUOTED)
            .otherwise(LineKind.ODD)
        )
        return table.select(kind.cast(pl.Int8).alias("kind")).to_series()

    def plain(self, table: pl.DataFrame) -> pl.DataFrame:
        delimiter, width = self._dialect.delimiter, self._layout.width
        if width > 1:
            # Split once: an expression for each field would split each line as often as it has fields.
            split = table["raw"].str.split_exact(delimiter, width - 1).struct.unnest()
            fields = {name: split[f"field_{at}"] for name, at in self._layout.columns.items()}
        else:
            fields = dict.fromkeys(self._layout.columns, table["raw"])
        if self._dialect.skip_space:
            fields = {name: field.str.strip_chars_start(" \t") for name, field in fields.items()}
        return self._framed(table.with_columns(**fields, **self._counted(table["raw"])))

    def _counted(self, raw: pl.Series) -> dict[str, pl.Series]:
        """Finds `problem` and `detail` of lines that are blank or have a wrong number of fields."""
        found = raw.str.count_matches(self._dialect.delimiter, literal=True) + 1
        miscounted = found != self._layout.width
        if self._layout.width > 1 and not miscounted.any():
            return {}
        table = pl.DataFrame({"found": found, "bad": miscounted, "blank": raw.str.strip_chars() == ""})
        if self._layout.width == 1:
            table = table.with_columns(bad=pl.col("bad") | pl.col("blank"))
        blank, count = pl.lit(RejectCode.BLANK_LINE.value), pl.lit(RejectCode.FIELD_COUNT.value)
        problem = pl.when("bad").then(pl.when("blank").then(blank).otherwise(count))
        counts = pl.format(f"{{}} fields, but the header has {self._layout.width}", "found")
        detail = pl.when(pl.col("bad") & ~pl.col("blank")).then(counts)
        return table.select(problem=problem, detail=detail).to_dict()

    def quoted(self, table: pl.DataFrame) -> pl.DataFrame:
        if not table.height:
            return pl.DataFrame(schema=self._layout.schema)
        names = [f"field_{at}" for at in range(self._layout.width)]
        fields = pl.read_csv(
            io.BytesIO(table["raw"].str.join("\n").item().encode()),
            has_header=False,
            separator=self._dialect.delimiter,
            quote_char=self._dialect.quote,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
        )
        if fields.height != table.height:
            raise RuntimeError(f"{table.height} quoted lines were read as {fields.height}")
        columns = {name: fields[f"field_{at}"] for name, at in self._layout.columns.items()}
        return self._framed(table.with_columns(**columns))

    def _framed(self, table: pl.DataFrame) -> pl.DataFrame:
        """Returns one-line records in the common schema."""
        nothing = pl.lit(None, pl.String)
        blank = {name: nothing for name in ("problem", "detail") if name not in table.columns}
        return table.with_columns(record=pl.lit(0, pl.Int64), **blank).select(list(self._layout.schema))


def _well_formed(dialect: Dialect, width: int) -> str:
    """Returns a pattern for lines that are one complete record of `width` fields, quoted or not."""
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    field = f"(?:{quote}(?:[^{quote}]|{quote}{quote})*{quote}|[^{quote}{delimiter}]*)"
    return f"^{field}(?:{delimiter}{field}){{{width - 1}}}$"
