"""Finds which columns add up to the order totals in a file, by trying combinations of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from orders_pipeline.order_files.columns.header_names import plain_name
from orders_pipeline.order_files.columns.money_columns import LineAmount, OrderAmount
from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.proposals.column_guesses import decimal_separator
from orders_pipeline.order_files.proposals.draft import CENTS, Draft
from orders_pipeline.order_files.proposals.items import Items
from orders_pipeline.order_files.proposals.known_names import amount_likeness, field_likeness
from orders_pipeline.order_files.proposals.table import Table
from orders_pipeline.order_files.proposals.trial import Trial, try_draft
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.values.amounts import read_amounts

PRICES_TRIED, TOTALS_TRIED = 4, 3
# The least share of a column's filled values that must be amounts.
AMOUNTS = 0.9
# The least share of orders that must add up to a column before it counts as their total.
ENOUGH = 0.5
_PARTS = (OrderAmount.DISCOUNT, OrderAmount.SHIPPING, OrderAmount.TAX, OrderAmount.FEE, OrderAmount.TIP)
_OF_LINES = {OrderAmount.DISCOUNT: LineAmount.LINE_DISCOUNT, OrderAmount.TAX: LineAmount.LINE_TAX}
_IN_CENTS = ("cents", "cent", "minor", "minorunits", "pence")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A draft with the price, amounts and total that add up, and the result of its trial."""

    draft: Draft
    trial: Trial


def reconcile(
    path: Path, table: Table, draft: Draft, orders: pl.Series, options: ReadOptions
) -> Reconciled | None:
    """Tries combinations of price, amount and total columns; None if no total fits enough orders.

    Args:
        draft: a draft without price, amounts and total.
        orders: the order number of each row of the table.
    """
    money = _MoneyColumns(table, orders)
    tried = [
        _tried(path, replace(with_price, amounts={**parts, OrderAmount.TOTAL: total}), options)
        for total in money.totals()
        for with_price in money.with_prices(draft, total)
        for parts in [money.parts({total, *with_price.columns.values()}, with_price.items)]
    ]
    best = max(tried, key=lambda one: (one.trial.share, one.trial.several), default=None)
    if best is None:
        return None
    best = _without_what_disturbs(path, best, options)
    return best if best.trial.share >= ENOUGH else None


def in_cents(column: str) -> bool:
    """Whether the name of a column says that its amounts are in cents."""
    return plain_name(column).endswith(_IN_CENTS)


def scaled(draft: Draft) -> Draft:
    """Returns the draft with the scale that follows from the name of its price column."""
    return replace(draft, scale=CENTS if in_cents(draft.price_column) else 1)


def _tried(path: Path, draft: Draft, options: ReadOptions) -> Reconciled:
    return Reconciled(draft, try_draft(path, draft, options))


def _without_what_disturbs(path: Path, best: Reconciled, options: ReadOptions) -> Reconciled:
    """Leaves out amounts, one at a time, as long as this makes more orders add up."""
    while True:
        fewer = [
            {kind: column for kind, column in best.draft.amounts.items() if kind is not left_out}
            for left_out in best.draft.amounts
            if left_out is not OrderAmount.TOTAL
        ]
        tried = [_tried(path, replace(best.draft, amounts=amounts), options) for amounts in fewer]
        better = max(tried, key=lambda one: one.trial.share, default=best)
        if better.trial.share <= best.trial.share:
            return best
        best = better


class _MoneyColumns:
    """The columns of a table that contain amounts."""

    def __init__(self, table: Table, orders: pl.Series) -> None:
        self._orders = orders
        self._values = {
            name: values
            for at, name in enumerate(table.header)
            if _names_money(name) and _holds_amounts(values := table.rows.to_series(at))
        }

    def totals(self) -> list[str]:
        """Returns the columns that may be the total of each order, likeliest first."""
        likely = {name: amount_likeness(OrderAmount.TOTAL, name) for name in self._values}
        named = [
            name
            for name in self._values
            if likely[name] > field_likeness(OrderField.LINE_TOTAL, name) and self._is_of_order(name)
        ]
        return sorted(named, key=lambda name: -likely[name])[:TOTALS_TRIED]

    def with_prices(self, draft: Draft, total: str) -> Iterator[Draft]:
        """Yields a draft for each column, or key of items, that may be the price of a unit or of a line."""
        if draft.items:
            yield from _with_item_prices(draft, draft.items)
            return
        rest = {f: c for f, c in draft.columns.items() if f is not draft.price}
        likely = {name: _price_likeness(name) for name in self._values if name != total}
        named = [name for name, likeness in likely.items() if likeness > 0 and name not in rest.values()]
        for name in sorted(named, key=lambda name: -likely[name])[:PRICES_TRIED]:
            for price in (OrderField.UNIT_PRICE, OrderField.LINE_TOTAL):
                yield scaled(replace(draft, columns={**rest, price: name}))

    def parts(self, used: set[str], items: Items | None) -> dict[OrderAmount | LineAmount, str]:
        """Returns the columns that may be discounts, shipping and so on, except those in the items."""
        found: dict[OrderAmount | LineAmount, str] = {}
        used = {*used, *(items.used if items else ())}
        for kind in _PARTS:
            if items and _OF_LINES.get(kind) in items.fields:
                continue
            likely = {name: amount_likeness(kind, name) for name in self._values if name not in used}
            name = max(likely, key=lambda name: likely[name], default=None)
            if name is not None and likely[name] > 0:
                of_order = self._is_of_order(name)
                if of_order or kind in _OF_LINES:
                    found[kind if of_order else _OF_LINES[kind]] = name
                    used = used | {name}
        return found

    def _is_of_order(self, name: str) -> bool:
        return is_of_order(self._values[name], self._orders)


def is_of_order(column: pl.Series, orders: pl.Series) -> bool:
    """Whether a column has some values, and at most one in each order."""
    table = pl.DataFrame({"order": orders, "value": column.str.strip_chars()})
    distinct = table.filter(pl.col("value") != "").group_by("order").agg(pl.col("value").n_unique())
    return distinct.height > 0 and bool((distinct["value"] == 1).all())


def _with_item_prices(draft: Draft, items: Items) -> Iterator[Draft]:
    for field, key in items.prices:
        priced = items.with_price(field, key)
        yield scaled(replace(draft, items=priced))
        if LineAmount.LINE_DISCOUNT in priced.fields:
            yield scaled(replace(draft, items=priced.without(LineAmount.LINE_DISCOUNT)))


def _names_money(name: str) -> bool:
    """Whether a name is like those of amounts or prices. No other column can be one, whatever it contains."""
    return _price_likeness(name) > 0 or any(amount_likeness(kind, name) > 0 for kind in OrderAmount)


def _price_likeness(name: str) -> float:
    return max(field_likeness(field, name) for field in (OrderField.UNIT_PRICE, OrderField.LINE_TOTAL))


def _holds_amounts(values: pl.Series) -> bool:
    text = values.drop_nulls().str.strip_chars()
    filled = text.filter(text != "")
    if not filled.len():
        return False
    read = read_amounts(filled, decimal_separator(filled), 4)["units"]
    return read.null_count() <= (1 - AMOUNTS) * filled.len()
