"""The importer's frozen values to JSON-ready data and back."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

Value = TypeVar("Value")


def to_json(value: object) -> Any:
    """`value` (a dataclass of this package) as dicts, lists, strings and numbers."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def from_json(kind: type[Value], data: object) -> Value:
    """The value of class `kind` that `to_json` made `data` from."""
    return TypeAdapter(kind).validate_python(data)
