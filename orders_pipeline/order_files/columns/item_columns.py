"""Finds columns with the fields of several items: numbered columns, and columns with the same name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from orders_pipeline.order_files.columns.header_names import places_of

# Placeholder for the number of the item in a column name.
NUMBER = "{n}"

Name = TypeVar("Name", bound=str)


def item_groups(fields: Mapping[Name, str], header: tuple[str, ...]) -> dict[int, dict[Name, int]]:
    """Returns the positions of the columns of each item, by the item's number and the field.

    Args:
        fields: the column of each field, such as `Item {n} SKU`, or `sku` if each item has a column `sku`.
    """
    groups: dict[int, dict[Name, int]] = {}
    for field, name in fields.items():
        for number, at in _numbered(name, header):
            groups.setdefault(number, {}).setdefault(field, at)
    return dict(sorted(groups.items()))


def absent_columns(fields: Mapping[Name, str], header: tuple[str, ...]) -> list[str]:
    """Returns the names of columns that an item lacks although it has other fields."""
    groups = item_groups(fields, header)
    if not groups:
        return list(fields.values())
    return [
        name.replace(NUMBER, str(number)) if NUMBER in name else f"{name} of item {number}"
        for number, group in groups.items()
        for field, name in fields.items()
        if field not in group
    ]


def _numbered(name: str, header: tuple[str, ...]) -> list[tuple[int, int]]:
    """Returns the item number and the position of each column with this name."""
    if NUMBER not in name:
        return list(enumerate(places_of(name, header), 1))
    pattern = r"0*(\d{1,9})".join(re.escape(part) for part in name.casefold().split(NUMBER, 1))
    found = [(re.fullmatch(pattern, own.strip().casefold()), at) for at, own in enumerate(header)]
    return [(int(match[1]), at) for match, at in found if match]
