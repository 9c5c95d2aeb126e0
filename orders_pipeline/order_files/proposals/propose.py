"""Drafts a profile for an unknown file and says which parts are uncertain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from orders_pipeline.order_files.columns.profile import OrderField, built_in_profiles
from orders_pipeline.order_files.proposals.column_guesses import Guess, decimal_separator, guess_columns
from orders_pipeline.order_files.proposals.table import Table, read_table
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.values.amounts import SCALE, AmountEvidence, read_amounts
from orders_pipeline.order_files.values.dates import DateEvidence, DateRules, OpenDates

LOOKED_AT = 20_000
SURE = 0.75
POSSIBLE = 0.5

_NEEDED = (OrderField.ORDER_NUMBER, OrderField.SKU, OrderField.QUANTITY, OrderField.ORDERED_AT)
_MAY_BE_ABSENT = (OrderField.CUSTOMER_NAME, OrderField.PRODUCT_NAME, OrderField.CURRENCY)
_OF_THE_ORDER = (OrderField.CUSTOMER_ID, OrderField.CUSTOMER_NAME, OrderField.CURRENCY, OrderField.ORDERED_AT)

Values = dict[OrderField, pl.Series]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A profile as TOML text.

    Attributes:
        missing: fields to fill in by hand.
        doubts: parts to check.
        fits: built-in profiles that already fit the file.
    """

    toml: str
    guesses: tuple[Guess, ...]
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    fits: tuple[str, ...]


def propose_profile(path: Path, options: ReadOptions) -> Proposal:
    """Reads the start of a file and drafts a mapping of its columns.

    Raises:
        FileRefused: the file is not a readable delimited file with a header row.
    """
    table = read_table(path, options, limit=LOOKED_AT)
    found = guess_columns(table.header, table.rows)
    values = {guess.field: table.rows.to_series(table.header.index(guess.column)) for guess in found}
    guesses = [guess for guess in _one_price(found, values) if guess.confidence >= POSSIBLE]
    values = {guess.field: values[guess.field] for guess in guesses}
    settings = list(_settings(values))
    missing = _missing(values)
    weak = [guess for guess in found if guess.field.value in missing]
    doubts = [
        f"{guess.column} as {guess.field.value}: {guess.reason}"
        for guess in guesses
        if guess.confidence < SURE
    ]
    text = [*_head(path, values, settings), *_columns(guesses), *_gaps(missing, weak), *_rest(table, guesses)]
    return Proposal(
        toml="\n".join(text) + "\n",
        guesses=tuple(guesses),
        missing=tuple(missing),
        doubts=(*doubts, *(doubt for _, doubt in settings)),
        fits=tuple(name for name, known in built_in_profiles().items() if not known.missing(table.header)),
    )


def _one_price(guesses: list[Guess], values: Values) -> list[Guess]:
    """Keeps the unit price or the line total; the total only if most totals differ from price x quantity."""
    unit, total = OrderField.UNIT_PRICE, OrderField.LINE_TOTAL
    if not {unit, total, OrderField.QUANTITY} <= set(values):
        return guesses
    drop = total if _is_product(values) or _belongs_to_order(values[total], values) else unit
    return [guess for guess in guesses if guess.field is not drop]


def _is_product(values: Values) -> bool:
    """Whether most totals are the price times the quantity."""
    fields = (OrderField.QUANTITY, OrderField.UNIT_PRICE, OrderField.LINE_TOTAL)
    count, price, total = (read_amounts(values[f], decimal_separator(values[f]))["units"] for f in fields)
    return int((count * price // SCALE == total).sum()) * 2 > total.len()


def _belongs_to_order(column: pl.Series, values: Values) -> bool:
    """Whether a column has a single value for each order with several lines."""
    if OrderField.ORDER_NUMBER not in values:
        return False
    table = pl.DataFrame({"order": values[OrderField.ORDER_NUMBER], "value": column.str.strip_chars()})
    several = table.filter(pl.len().over("order") > 1).filter(pl.col("value") != "")
    distinct = several.group_by("order").agg(pl.col("value").n_unique())
    return distinct.height > 0 and bool((distinct["value"] == 1).all())


def _stands_once(column: pl.Series, values: Values) -> bool:
    """Whether a column is filled on the first line of each order and blank on other lines."""
    if OrderField.ORDER_NUMBER not in values:
        return False
    table = pl.DataFrame({"order": values[OrderField.ORDER_NUMBER], "value": column})
    blank = pl.col("value").str.strip_chars() == ""
    orders = table.group_by("order", maintain_order=True).agg(first=blank.first(), some=blank.any())
    return bool(orders["some"].any()) and not bool(orders["first"].any())


def _missing(values: Values) -> list[str]:
    found = set(values)
    if OrderField.PRODUCT_NAME in found:
        found.add(OrderField.SKU)
    missing = [field.value for field in _NEEDED if field not in found]
    priced = found & {OrderField.UNIT_PRICE, OrderField.LINE_TOTAL}
    return missing if priced else [*missing, OrderField.UNIT_PRICE.value]


def _settings(values: Values) -> Iterator[tuple[str, str]]:
    """Yields settings for columns with an ambiguous format, and the doubt about each."""
    for field in {OrderField.UNIT_PRICE, OrderField.LINE_TOTAL} & set(values):
        amounts = AmountEvidence()
        amounts.add(values[field])
        if amounts.decide() is None:
            yield 'decimal = "."', f"prices such as {amounts.example}: thousands or decimals?"
    if OrderField.ORDERED_AT in values:
        dates = DateEvidence()
        dates.add(values[OrderField.ORDERED_AT])
        decided = dates.decide(DateRules(), None, None)
        if isinstance(decided, OpenDates):
            orders = " or ".join(order.value for order in decided.orders)
            yield f'date_order = "{decided.orders[0].value}"', f"dates such as {decided.example}: {orders}?"


def _head(path: Path, values: Values, settings: list[tuple[str, str]]) -> Iterator[str]:
    yield f"description = {_quoted(f'Columns of {path.name}')}"
    yield f"optional = {json.dumps([field.value for field in _MAY_BE_ABSENT if field in values])}"
    inherited = [f.value for f in _OF_THE_ORDER if f in values and _stands_once(values[f], values)]
    if inherited:
        yield f"inherit = {json.dumps(inherited)}  # filled on the first line of an order only"
    for setting, doubt in settings:
        yield f"{setting}  # not sure: {doubt}"


def _columns(guesses: list[Guess]) -> Iterator[str]:
    yield "\n[columns]"
    for guess in guesses:
        sure = "sure" if guess.confidence >= SURE else "not sure"
        mapped = f"{guess.field.value} = {_quoted(guess.column)}"
        yield f"{mapped}  # {sure} ({guess.confidence:.0%}), {guess.reason}"
    names = {guess.field: guess.column for guess in guesses}
    if OrderField.SKU not in names and OrderField.PRODUCT_NAME in names:
        yield f"sku = {_quoted(names[OrderField.PRODUCT_NAME])}  # not sure: no column looks like a SKU"


def _gaps(missing: list[str], weak: list[Guess]) -> Iterator[str]:
    for field in missing:
        maybe = next((guess.column for guess in weak if guess.field.value == field), "?")
        yield f"# {field} = {_quoted(maybe)}  # required, but no column fits well"


def _rest(table: Table, guesses: list[Guess]) -> Iterator[str]:
    used = {guess.column for guess in guesses}
    others = [" ".join(name.split()) for name in table.header if name and name not in used]
    if others:
        yield f"# Not used: {', '.join(others)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
