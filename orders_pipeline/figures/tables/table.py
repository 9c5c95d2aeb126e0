"""A table of figures for other tools: its columns, and their SQL types, the same in DuckDB and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The kind of values in a column; the value is the description in the data dictionary."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money, in the major unit of `currency`"
    UNITS = "units, with three decimals"
    SHARE = "share, from 0 to 1"
    SECONDS = "seconds"
    DAY = "date"
    TIME = "time, UTC"
    TRUTH = "true or false"
    COUNTS = "text: a JSON object of counts"

    @property
    def sql_type(self) -> str:
        """Type of the column, in DuckDB and PostgreSQL."""
        return _SQL_TYPES[self]


_SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.MONEY: "DECIMAL(30, 4)",
    Kind.UNITS: "DECIMAL(30, 3)",
    Kind.SHARE: "DECIMAL(5, 4)",
    Kind.SECONDS: "DECIMAL(18, 2)",
    Kind.DAY: "DATE",
    Kind.TIME: "TIMESTAMP",
    Kind.TRUTH: "BOOLEAN",
    Kind.COUNTS: "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column, with its meaning for the data dictionary."""

    name: str
    kind: Kind
    meaning: str
    example: Any


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view. Each row is in one currency, except in tables without money."""

    name: str
    meaning: str
    columns: Sequence[Column]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @property
    def kinds(self) -> list[tuple[str, Kind]]:
        """The names of the columns with their kinds."""
        return [(column.name, column.kind) for column in self.columns]

    @property
    def declared(self) -> str:
        """The columns with their types, for CREATE TABLE."""
        return ", ".join(f"{column.name} {column.kind.sql_type}" for column in self.columns)
