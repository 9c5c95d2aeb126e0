"""A draft of a profile: what it maps, and how it is written as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.order_files.columns.money_columns import LineAmount, OrderAmount
from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.proposals.companions import SecondFile
from orders_pipeline.order_files.proposals.items import Items

CENTS = 100
_MAY_BE_ABSENT = (OrderField.CUSTOMER_NAME, OrderField.PRODUCT_NAME, OrderField.CURRENCY)


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a profile that are proposed.

    Attributes:
        columns: the column of each field.
        items: how one record contains several items of an order.
        second_file: the file with the fields of orders, if they are not in this one.
        inherit: fields that only the first line of an order contains.
        fallback: the field that replaces a blank value.
        joined: columns that make up a field together.
        amounts: the column of each amount.
        scale: 100 if the amounts are in cents.
        decimals: number of decimals to which amounts with binary float errors are rounded; None does not
            round.
        skip: values whose orders are skipped, by column.
        payment: the column of `[payment]` and its lists of statuses; empty if no column has a payment status.
        settings: single settings such as `date_order`.
    """

    columns: Mapping[OrderField, str]
    items: Items | None = None
    second_file: SecondFile | None = None
    inherit: tuple[OrderField, ...] = ()
    fallback: Mapping[OrderField, OrderField] = field(default_factory=dict)
    joined: Mapping[OrderField, tuple[str, ...]] = field(default_factory=dict)
    amounts: Mapping[OrderAmount | LineAmount, str] = field(default_factory=dict)
    scale: int = 1
    decimals: int | None = None
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    payment: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def price(self) -> OrderField | None:
        """The field that has a price column; None if there is no price column."""
        given = {*self.columns, *(self.items.fields if self.items else ())}
        return next((f for f in (OrderField.UNIT_PRICE, OrderField.LINE_TOTAL) if f in given), None)

    @property
    def price_column(self) -> str:
        """The column or key with the prices; empty if there is none."""
        if self.price is None:
            return ""
        of_items = self.items.fields if self.items else {}
        return self.columns.get(self.price) or of_items[self.price]

    def toml(self, description: str, notes: Mapping[str, str]) -> str:
        """Returns the profile as TOML text.

        Args:
            notes: the comment of each line, by its key, such as `sku` or `date_order`.
        """
        lines = [f"description = {quoted(description)}", *self._top(), *self._tables()]
        return "\n".join(_noted(line, notes) for line in lines) + "\n"

    def _top(self) -> Iterator[str]:
        yield f"optional = {json.dumps([f.value for f in _MAY_BE_ABSENT if f in self.columns])}"
        if self.inherit:
            yield f"inherit = {json.dumps([f.value for f in self.inherit])}"
        for name, value in self.settings.items():
            yield f"{name} = {quoted(value)}"
        if self.fallback:
            pairs = ", ".join(f'{f.value} = "{other.value}"' for f, other in self.fallback.items())
            yield f"fallback = {{ {pairs} }}"

    def _tables(self) -> Iterator[str]:
        yield from ("", "[columns]")
        yield from (f"{f.value} = {quoted(column)}" for f, column in self.columns.items())
        if self.items:
            yield from self._items(self.items)
        if self.second_file:
            yield from (
                "",
                "[companion]",
                f"file = {quoted(self.second_file.file)}",
                "",
                "[companion.columns]",
            )
            yield from (f"{f.value} = {quoted(column)}" for f, column in self.second_file.columns.items())
        if self.joined:
            yield from ("", "[joined]")
            yield from (f"{f.value} = {_listed(columns)}" for f, columns in self.joined.items())
        if self.skip:
            yield from ("", "[skip]")
            yield from (f"{quoted(column)} = {_listed(values)}" for column, values in self.skip.items())
        if self.amounts or self.scale > 1 or self.decimals is not None:
            yield from ("", "[amounts]")
            yield from (f"{kind.value} = {quoted(column)}" for kind, column in self.amounts.items())
            yield from ([f"scale = {self.scale}"] if self.scale > 1 else [])
            yield from ([f"round = {self.decimals}"] if self.decimals is not None else [])
        if self.payment:
            yield from ("", "[payment]")
            for name, value in self.payment.items():
                yield f"{name} = {quoted(value) if isinstance(value, str) else _listed(value)}"

    def _items(self, items: Items) -> Iterator[str]:
        yield from ("", "[items]", f"format = {quoted(items.format.value)}")
        yield from ([f"columns = {quoted(items.columns)}"] if items.columns else [])
        yield from (f"{name} = {quoted(value)}" for name, value in items.settings.items())
        yield from ("", "[items.fields]")
        yield from (f"{field.value} = {quoted(key)}" for field, key in items.fields.items())


def quoted(text: str) -> str:
    """Returns a text as a TOML string."""
    # JSON allows an unescaped DEL character, TOML does not.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _listed(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


def _noted(line: str, notes: Mapping[str, str]) -> str:
    note = notes.get(line.partition(" = ")[0].strip('"'))
    return f"{line}  # {printable_line(note)}" if note else line
