"""Conditions over thousands of values, with one parameter instead of one for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, String, any_, cast, func, literal, select

VALUES_AT_ONCE = 20_000


def among(connection: Connection, column: Column[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Condition that a column has one of these integers or texts."""
    if _are_a_range(values):
        # An index finds the first value, and reads on from there.
        return column.between(min(values), max(values))
    if connection.dialect.name == "postgresql":
        # As one text: PostgreSQL takes longer to parse a list of values than to look them up.
        return column == any_(cast(literal(_array(values), String), ARRAY(column.type)))
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))


def parts(values: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Values, each once and in ascending order, in parts that one statement can name."""
    wanted = sorted(set(values))
    for start in range(0, len(wanted), VALUES_AT_ONCE):
        yield wanted[start : start + VALUES_AT_ONCE]


def _are_a_range(values: Sequence[Any]) -> bool:
    """Whether these are all integers from the lowest to the highest."""
    if not values or not isinstance(values[0], int):
        return False
    return bool(len(set(values)) == max(values) - min(values) + 1)


def _array(values: Sequence[Any]) -> str:
    return f"{{{','.join(map(_quoted, values))}}}"


def _quoted(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
