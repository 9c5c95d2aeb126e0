"""A table that leaves the system: columns, and rows of values that every format can write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.money import LINE_DIGITS
from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS
from orders_pipeline.base.clock import to_datetime

Row = Sequence[Any]
CURRENCY = "currency"


class Kind(StrEnum):
    """The kind of values in a column. The store contains money, units and times as integers."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"  # stored in minor units of the row's currency
    LINE_MONEY = "line_money"  # stored in 1/10,000
    UNITS = "units"
    DECIMAL = "decimal"  # a number with decimals that is no money
    DAY = "day"
    TIME = "time"  # stored in microseconds since 1970, UTC
    TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Column:
    """A column, with its meaning for the data dictionary."""

    name: str
    kind: Kind
    meaning: str
    example: Any


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table that leaves the system. Money is in the currency of its row, and never added up."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def places(self, *kinds: Kind) -> list[int]:
        """The positions of the columns of these kinds."""
        return [at for at, column in enumerate(self.columns) if column.kind in kinds]

    def rows(self, stored: Iterable[Row]) -> Iterator[list[Any]]:
        """Yields rows of the store with exact decimals for money and units, and aware times."""
        changed = [
            (at, _VALUES[column.kind]) for at, column in enumerate(self.columns) if column.kind in _VALUES
        ]
        currency = self.names.index(CURRENCY) if CURRENCY in self.names else None
        for row in stored:
            values = list(row)
            code = values[currency] if currency is not None else None
            for at, value_of in changed:
                if values[at] is not None:
                    values[at] = value_of(values[at], code)
            yield values


def json_row(table: ExportTable, row: Row) -> dict[str, Any]:
    """A row as a JSON object: money and units are numbers, days and times are texts."""
    return {
        column.name: _JSON[column.kind](value) if value is not None and column.kind in _JSON else value
        for column, value in zip(table.columns, row, strict=True)
    }


def time_text(time: datetime) -> str:
    """A time in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _money(minor_units: int, currency: str) -> Decimal:
    return Decimal(int(minor_units)).scaleb(-minor_digits(currency))


def _line_money(amount: int, _currency: str | None) -> Decimal:
    return Decimal(int(amount)).scaleb(-LINE_DIGITS)


def _units(units: Decimal | int, _currency: str | None) -> Decimal:
    return round(Decimal(units), QUANTITY_DIGITS)


def _time(microseconds: int, _currency: str | None) -> datetime:
    return to_datetime(microseconds)


def _number(value: Decimal | float) -> int | float:
    return int(value) if value == int(value) else float(value)


_VALUES: dict[Kind, Callable[[Any, Any], Any]] = {
    Kind.MONEY: _money,
    Kind.LINE_MONEY: _line_money,
    Kind.UNITS: _units,
    Kind.TIME: _time,
}
_JSON: dict[Kind, Callable[[Any], Any]] = {
    Kind.MONEY: float,
    Kind.LINE_MONEY: float,
    Kind.DECIMAL: float,
    Kind.UNITS: _number,
    Kind.DAY: str,
    Kind.TIME: time_text,
}
