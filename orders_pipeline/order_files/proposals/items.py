"""Proposes `[items]` for records with several items: as JSON, in columns of their own, or in one text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from orders_pipeline.order_files.columns.item_columns import NUMBER
from orders_pipeline.order_files.columns.money_columns import LineAmount, OrderAmount
from orders_pipeline.order_files.columns.profile import ItemFormat, OrderField
from orders_pipeline.order_files.proposals.column_guesses import decimal_separator, guess_columns
from orders_pipeline.order_files.proposals.known_names import amount_likeness
from orders_pipeline.order_files.proposals.table import Table
from orders_pipeline.order_files.records.tables.cell_text import CellText
from orders_pipeline.order_files.records.tables.json_records import (
    BrokenRecordError,
    flattened,
    json_decoder,
)
from orders_pipeline.order_files.values.amounts import SCALE, read_amounts

ItemField = OrderField | LineAmount
Texts = dict[str, list[str]]

_LOOKED_AT = 1000
# The least share of a column's filled values that must be items.
_SHARE = 0.9
_POSSIBLE = 0.5
_OF_ITEMS = (OrderField.SKU, OrderField.PRODUCT_NAME, OrderField.QUANTITY)
_PRICES = (OrderField.UNIT_PRICE, OrderField.LINE_TOTAL)
# Keys that are clear only inside an item: `name` in an item is the product's name.
_SHORT_KEYS = ("name", "title", "id", "code", "number")
_PAIR = re.compile(r"\s*([\w .-]{1,40}):(.*)", re.DOTALL)
_SEPARATORS, _BETWEEN = (":", "*", "x", "="), (",", ";", "|", "\n")
_ITEM = re.compile(r"^\s*+(?:line)?[\s_.-]*+(?:item|product|article)s?[\s_.-]+", re.IGNORECASE)
_ITEMS = re.compile(r"items?$|products?$|lines?$|artikel|positionen|articulos|itens|articles|商品|明細")


@dataclass(frozen=True, slots=True)
class Items:
    """A draft of `[items]`.

    Attributes:
        fields: the key of each field; of the prices, at most one.
        prices: the fields and keys to try as prices, likeliest first.
        used: the names of the columns that contain items.
        settings: other settings, such as `between`.
        stated: the keys that are a unit price or a line total by their names.
        equal: whether unit price times quantity is the line total in each item; true if one is not stated.
    """

    format: ItemFormat
    columns: str
    fields: Mapping[ItemField, str]
    prices: tuple[tuple[OrderField, str], ...]
    used: tuple[str, ...]
    settings: Mapping[str, str]
    stated: tuple[tuple[OrderField, str], ...] = ()
    equal: bool = True

    def place_of(self, field: ItemField) -> str:
        """Returns where a field is, such as `value 3 of items`."""
        key = self.fields[field]
        if self.format is ItemFormat.LIST:
            return f"value {key} of {self.columns}"
        return f"{key} of {self.columns}" if self.columns else key

    def with_price(self, field: OrderField, key: str) -> Items:
        """Returns a copy in which `key` is the only price."""
        return replace(self.without(*_PRICES), fields={**self.without(*_PRICES).fields, field: key})

    def without(self, *left_out: ItemField) -> Items:
        """Returns a copy without these fields."""
        return replace(self, fields={name: key for name, key in self.fields.items() if name not in left_out})


def find_items(table: Table) -> Items | None:
    """Finds how a record contains several items; None if each record is one item."""
    ways = (_in_json, _in_repeated_columns, _in_numbered_columns, _in_pairs, _in_lists)
    return next((found for way in ways for found in way(table)), None)


def _in_json(table: Table) -> Iterator[Items]:
    decoder = json_decoder(CellText())
    for name, texts in _columns(table):
        objects: list[dict[str, str]] = []
        good = 0
        for text in texts:
            if not text.startswith(("[", "{")):
                break
            try:
                value = decoder.decode(text)
                objects += [flattened(one) for one in (value if isinstance(value, list) else [value])]
            except (json.JSONDecodeError, RecursionError, BrokenRecordError):
                continue
            good += 1
        if objects and good >= _SHARE * len(texts):
            yield from _drafted(ItemFormat.JSON, name, _by_key(objects), (name,))


def _by_key(objects: Iterable[Mapping[str, str]]) -> Texts:
    values: Texts = {}
    for one in objects:
        for key, text in one.items():
            values.setdefault(key, []).append(text)
    return values


def _in_repeated_columns(table: Table) -> Iterator[Items]:
    places: dict[str, list[int]] = {}
    for at, name in enumerate(table.header):
        if name:
            places.setdefault(name, []).append(at)
    repeated = {name: found for name, found in places.items() if len(found) > 1}
    if len(repeated) > 1:
        first = {name: _texts(table.rows.to_series(found[0])) for name, found in repeated.items()}
        yield from _drafted(ItemFormat.COLUMNS, "", first, tuple(repeated))


def _in_numbered_columns(table: Table) -> Iterator[Items]:
    numbered: dict[str, dict[int, int]] = {}
    for at, name in enumerate(table.header):
        if found := re.search(r"\d+", name):
            template = name[: found.start()] + NUMBER + name[found.end() :]
            numbered.setdefault(template, {}).setdefault(int(found[0]), at)
    several = {template: places for template, places in numbered.items() if {1, 2} <= places.keys()}
    if len(several) > 1:
        first = {template: _texts(table.rows.to_series(places[1])) for template, places in several.items()}
        used = tuple(table.header[at] for places in several.values() for at in places.values())
        yield from _drafted(ItemFormat.COLUMNS, "", first, used)


def _in_pairs(table: Table) -> Iterator[Items]:
    groups: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    for name, texts in _columns(table):
        pattern = re.sub(r"\d+", "*", name)
        groups.setdefault(pattern, []).extend(texts)
        names.setdefault(pattern, []).append(name)
    for pattern, texts in groups.items():
        for between in ("", ";", "\n"):
            items = [part for text in texts for part in (text.split(between) if between else [text])]
            pairs = [found for item in items if item.strip() and len(found := _pairs(item)) > 1]
            if len(pairs) >= max(1, _SHARE * len(items)):
                settings = {"between": between} if between else {}
                yield from _drafted(
                    ItemFormat.PAIRS, pattern, _by_key(pairs), tuple(names[pattern]), settings
                )


def _pairs(text: str) -> dict[str, str]:
    found = [_PAIR.fullmatch(part) for part in text.split("|")]
    return {match[1].strip(): match[2].strip() for match in found if match} if all(found) else {}


def _in_lists(table: Table) -> Iterator[Items]:
    for name, texts in _columns(table):
        if not _ITEMS.search(name.casefold().strip()) or not texts:
            continue
        for between in _BETWEEN:
            for separator in _SEPARATORS:
                rows = [one.split(separator) for text in texts for one in text.split(between) if one.strip()]
                if len({len(row) for row in rows}) == 1 and len(rows[0]) in (2, 3):
                    yield from _list_drafted(name, rows, separator, between)


def _list_drafted(name: str, rows: list[list[str]], separator: str, between: str) -> Iterator[Items]:
    columns = [pl.Series([row[at] for row in rows]) for at in range(len(rows[0]))]
    whole = [at for at, column in enumerate(columns) if column.str.contains(r"^\s*[0-9]{1,6}\s*$").all()]
    amounts = [at for at, column in enumerate(columns) if column.str.contains(r"^\s*[0-9]+[.,][0-9]+").any()]
    if not whole:
        return
    quantity = whole[-1]
    price = next((at for at in amounts if at != quantity), None)
    sku = next((at for at in range(len(columns)) if at not in (quantity, price)), None)
    if sku is None or (len(columns) == 3 and price is None):
        return
    fields: dict[ItemField, str] = {OrderField.SKU: str(sku + 1), OrderField.QUANTITY: str(quantity + 1)}
    prices: tuple[tuple[OrderField, str], ...] = ()
    if price is not None:
        fields[OrderField.UNIT_PRICE] = str(price + 1)
        prices = tuple((field, str(price + 1)) for field in _PRICES)
    settings = {"separator": separator} if separator != ":" else {}
    settings |= {"between": between} if between != "," else {}
    yield Items(ItemFormat.LIST, name, fields, prices, (name,), settings)


def _drafted(
    format_: ItemFormat,
    columns: str,
    values: Texts,
    used: tuple[str, ...],
    settings: Mapping[str, str] | None = None,
) -> Iterator[Items]:
    """Yields a draft if the keys name a product and its quantity or price."""
    keys = list(values)
    names = tuple(_column_name(key) for key in keys)
    rows = _frame(values)
    found = {
        guess.field: keys[names.index(guess.column)]
        for guess in guess_columns(names, rows)
        if guess.confidence >= _POSSIBLE
    }
    fields: dict[ItemField, str] = {field: found[field] for field in _OF_ITEMS if field in found}
    prices = [(field, found[field]) for field in _PRICES if field in found]
    if OrderField.SKU not in fields and OrderField.PRODUCT_NAME in fields:
        fields[OrderField.SKU] = fields[OrderField.PRODUCT_NAME]
    if OrderField.SKU not in fields or not (prices or OrderField.QUANTITY in fields):
        return
    discount = max(keys, key=lambda key: amount_likeness(OrderAmount.DISCOUNT, _column_name(key)))
    if amount_likeness(OrderAmount.DISCOUNT, _column_name(discount)) >= _POSSIBLE:
        fields[LineAmount.LINE_DISCOUNT] = discount
    if prices:
        fields[prices[0][0]] = prices[0][1]
    yield Items(
        format_,
        columns,
        fields,
        tuple((field, key) for _, key in prices for field in _PRICES),
        used,
        settings or {},
        tuple(prices),
        _is_equal(values, fields, dict(prices)),
    )


def _column_name(key: str) -> str:
    """Returns the name of a key for the comparison with column names."""
    name = _ITEM.sub("", key.replace(NUMBER, " ")).strip(" _.-") or key
    return f"item {name}" if name.casefold() in _SHORT_KEYS else name


def _frame(values: Texts) -> pl.DataFrame:
    height = max(map(len, values.values()))
    return pl.DataFrame({key: [*texts, *[""] * (height - len(texts))] for key, texts in values.items()})


def _is_equal(values: Texts, fields: Mapping[ItemField, str], prices: Mapping[OrderField, str]) -> bool:
    """Whether unit price times quantity is the line total in each item; true if one of them is not stated."""
    keys = (fields.get(OrderField.QUANTITY), *(prices.get(field) for field in _PRICES))
    columns = [pl.Series(values[key]) for key in keys if key]
    if len(columns) < 3 or len({column.len() for column in columns}) > 1:
        return True
    count, price, total = (read_amounts(one, decimal_separator(one), 4)["units"] for one in columns)
    return bool((count * price // SCALE == total).all())


def _columns(table: Table) -> Iterator[tuple[str, list[str]]]:
    for at, name in enumerate(table.header):
        if name and (texts := _texts(table.rows.to_series(at))):
            yield name, texts


def _texts(column: pl.Series) -> list[str]:
    text = column.drop_nulls().str.strip_chars()
    return text.filter(text != "").head(_LOOKED_AT).to_list()
