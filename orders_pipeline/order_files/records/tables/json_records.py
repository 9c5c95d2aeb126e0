"""JSON values as records: nested objects become columns such as `customer.email`."""

from __future__ import annotations

import json
from typing import Any

from orders_pipeline.order_files.records.tables.cell_text import CellText


class BrokenRecordError(ValueError):
    """A JSON value cannot be read as a record; the message says why."""


class _KeyTwice(dict[str, Any]):
    """An object that contains a key twice."""


def json_decoder(cells: CellText) -> json.JSONDecoder:
    """Makes a decoder that keeps numbers as text, exactly as they are written except for float noise."""
    return json.JSONDecoder(
        parse_float=cells.token,
        parse_int=str,
        parse_constant=lambda name: None if name == "NaN" else name,
        object_pairs_hook=_object,
        strict=False,
    )


def flattened(value: object) -> dict[str, str]:
    """Returns the texts of a record by path; a list becomes its JSON text.

    Raises:
        BrokenRecordError: the value is no object, or names a column twice.
    """
    if not isinstance(value, dict):
        raise BrokenRecordError("it is not an object")
    if type(value) is dict and {*map(type, value.values())} == {str}:
        return value
    texts: dict[str, str] = {}
    _flatten(value, "", texts)
    return texts


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else _KeyTwice(value)


def _flatten(value: dict[str, Any], prefix: str, texts: dict[str, str]) -> None:
    if isinstance(value, _KeyTwice):
        raise BrokenRecordError("an object in it contains a key twice")
    for key, inner in value.items():
        name = prefix + key
        if isinstance(inner, dict):
            _flatten(inner, f"{name}.", texts)
        elif name not in texts:
            texts[name] = inner if isinstance(inner, str) else _text(inner)
        else:
            raise BrokenRecordError(f"it contains {name} twice")


def _text(value: object) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
