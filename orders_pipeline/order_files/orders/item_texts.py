"""Reads the items that a text contains: a JSON list of objects, or a short list such as `M1:2,M2:1`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from orders_pipeline.order_files.columns.money_columns import LineAmount
from orders_pipeline.order_files.columns.profile import ItemFormat, OrderField, PackedItems
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.json_records import (
    BrokenRecordError,
    flattened,
    json_decoder,
)

_SHOWN = 40

Item = dict[OrderField | LineAmount, str]


class BrokenItemsError(ValueError):
    """The items of a record cannot be read; the message says which one, and why."""


class ItemTexts:
    """Reads items as `items` describes them; `cells` converts their numbers to text."""

    def __init__(self, items: PackedItems, cells: CellText) -> None:
        self.fields = tuple(items.fields)
        self._items = items
        self._decoder = json_decoder(cells)

    def read(self, texts: Iterable[str]) -> list[Item]:
        """Returns the items of all texts.

        Raises:
            BrokenItemsError: a text is not a list of items, or an item lacks a field.
        """
        read = self._from_json if self._items.format is ItemFormat.JSON else self._from_list
        return [item for text in texts for item in read(text)]

    def _from_json(self, text: str) -> Iterator[Item]:
        try:
            value = self._decoder.decode(text)
        except RecursionError:
            raise BrokenItemsError("they are nested too deeply") from None
        except json.JSONDecodeError as error:
            raise BrokenItemsError(f"not valid JSON, {error.msg} at character {error.pos + 1}") from None
        for number, one in enumerate(value if isinstance(value, list) else [value], 1):
            yield self._object(one, number)

    def _object(self, value: object, number: int) -> Item:
        try:
            texts = flattened(value)
        except BrokenRecordError as broken:
            raise BrokenItemsError(f"item {number}: {broken}") from None
        for field, key in self._items.fields.items():
            # The key of a discount may be missing: then the item has no discount.
            if key not in texts and not isinstance(field, LineAmount):
                raise BrokenItemsError(f"item {number} has no key {key!r}")
        return {field: texts.get(key, "") for field, key in self._items.fields.items()}

    def _from_list(self, text: str) -> Iterator[Item]:
        separator, between = self._items.field_separator, self._items.item_separator
        texts = text.split(between) if between else [text]
        for number, one in enumerate((one for one in texts if one.strip()), 1):
            parts = one.split(separator)
            if len(parts) != len(self._items.fields):
                expected = separator.join(self._names())
                raise BrokenItemsError(f"item {number} is {one.strip()[:_SHOWN]!r} instead of {expected}")
            yield {field: parts[int(place) - 1] for field, place in self._items.fields.items()}

    def _names(self) -> list[str]:
        by_place = sorted((int(place), field.value) for field, place in self._items.fields.items())
        return [name for _, name in by_place]
