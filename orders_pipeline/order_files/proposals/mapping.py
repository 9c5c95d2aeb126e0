"""Makes a profile from a person's choices of columns. The base is a draft or another profile."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import polars as pl
import tomlkit

from orders_pipeline.order_files.columns.header_names import first_known
from orders_pipeline.order_files.columns.line_rules import LineKind
from orders_pipeline.order_files.columns.money_columns import ANY_VALUE, LineAmount, OrderAmount
from orders_pipeline.order_files.columns.profile import DateOrder, OrderField, Profile
from orders_pipeline.order_files.proposals.statuses import MOST_VALUES
from orders_pipeline.order_files.proposals.table import Table

# The choice to keep what the base does for a field, if that is not one column: joined columns, a constant.
KEEP = "keep"
PRICE, PRICE_IS = "price", "price_is"
PRICES = (OrderField.UNIT_PRICE, OrderField.LINE_TOTAL)
NEEDED = (
    OrderField.ORDER_NUMBER.value,
    OrderField.ORDERED_AT.value,
    OrderField.SKU.value,
    OrderField.QUANTITY.value,
    PRICE,
)
MORE = tuple(field.value for field in OrderField if field not in PRICES and field.value not in NEEDED)
AMOUNTS = tuple(kind.value for kind in (*OrderAmount, *LineAmount))
TAX_INCLUDED = {"true": True, "false": False, "auto": "auto"}
STATUS = "status_"
_MAY_BE_ABSENT = ("customer_name", "product_name", "currency", "customer_email", "customer_language")
_LISTS = ("charge", "recorded", "skip")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StatusValue:
    """A value of a status column, and what happens with orders that have it.

    Attributes:
        choice: name of the form field.
        means: `charge`, `recorded` or `skip`. Empty if no list has the value: then its orders are rejected if
            `is_payment`, and else imported.
        is_payment: whether the column is the one of `[payment]`.
    """

    choice: str
    column: str
    value: str
    means: str
    is_payment: bool


def base_of(toml: str) -> Document:
    """Returns a draft as a document; required fields may be missing."""
    return tomllib.loads(toml)


def base_of_profile(profile: Profile) -> Document:
    """Returns a profile as a document."""
    return profile.model_dump(mode="json", exclude_unset=True, exclude={"name"})


def drafted_choices(base: Document, table: Table) -> dict[str, str]:
    """Returns the choices that give the base: the value of each form field, by its name."""
    header = table.header
    chosen = {name: _choice(base, name, header) for name in (*MORE, *NEEDED) if name != PRICE}
    price = next((field for field in PRICES if _choice(base, field, header)), OrderField.UNIT_PRICE)
    chosen |= {PRICE: _choice(base, price, header), PRICE_IS: price.value}
    chosen |= {name: _amount_choice(base, name, header) for name in AMOUNTS}
    dates = base.get("date_format") or base.get("date_order") or ""
    chosen["dates"] = dates if isinstance(dates, str) else "|".join(dates)
    chosen["decimal_is"] = base.get("decimal", "")
    chosen["currency_is"] = base.get("constants", {}).get("currency", "")
    amounts = base.get("amounts", {})
    chosen["tax_included"] = _named(amounts.get("tax_included"))
    chosen["line_level"] = amounts.get("line_level", "")
    left_out = base.get("lines", {}).get("leave_out", [])
    chosen |= {kind.value: "on" if kind.value in left_out else "" for kind in LineKind}
    return chosen | {one.choice: one.means for one in statuses_of(base, table)}


def _named(value: object) -> str:
    by_value = {json.dumps(said): name for name, said in TAX_INCLUDED.items()}
    return by_value.get(json.dumps(value), KEEP) if value is not None else ""


def _choice(base: Document, field: str, header: tuple[str, ...]) -> str:
    names = base.get("columns", {}).get(field)
    if names is not None:
        places = first_known((names,) if isinstance(names, str) else tuple(names), header)
        return str(places[0]) if places else ""
    return KEEP if kept(base, field) else ""


def _amount_choice(base: Document, name: str, header: tuple[str, ...]) -> str:
    names = base.get("amounts", {}).get(name)
    if names is None:
        return KEEP if kept(base, name) else ""
    listed = [names] if isinstance(names, str) else names
    places = first_known(tuple(listed), header) if len(listed) == 1 else []
    return str(places[0]) if places else KEEP


def kept(base: Document, field: str) -> str:
    """Returns where the base gets a field from, if that is not exactly one column.

    Otherwise an empty text.
    """
    constants = base.get("constants", {})
    if field in constants and field != OrderField.CURRENCY:
        return repr(constants[field])
    if names := base.get("joined", {}).get(field):
        return " + ".join(names)
    if field in base.get("items", {}).get("fields", {}):
        return str(base["items"]["fields"][field])
    if names := base.get("companion", {}).get("columns", {}).get(field):
        return names if isinstance(names, str) else " / ".join(names)
    names = base.get("amounts", {}).get(field)
    return " + ".join(names) if isinstance(names, list) and len(names) > 1 else ""


def statuses_of(base: Document, table: Table) -> list[StatusValue]:
    """Returns the values of the status columns by which the base skips or records orders."""
    return list(_statuses(base, table))


def _statuses(base: Document, table: Table) -> Iterator[StatusValue]:
    payment, skip = base.get("payment", {}), base.get("skip", {})
    number = 0
    for column in dict.fromkeys([*([payment["column"]] if "column" in payment else []), *skip]):
        is_payment = column == payment.get("column")
        lists = payment if is_payment else {"skip": skip[column]}
        for value in _values(table, column, lists):
            means = next((name for name in _LISTS if _has(lists.get(name, []), value)), "")
            yield StatusValue(f"{STATUS}{number}", column, value, means, is_payment)
            number += 1


def _values(table: Table, column: str, lists: Mapping[str, Any]) -> list[str]:
    """Returns the values that need a choice; none if one rule of the base is about all values."""
    listed = [value for name in _LISTS for value in lists.get(name, ()) if value]
    places = first_known((column,), table.header)
    text = table.rows.to_series(places[0]).drop_nulls().str.strip_chars() if places else pl.Series([""])
    found = text.filter(text != "").unique(maintain_order=True).to_list()
    if ANY_VALUE in listed or len(found) > MOST_VALUES:
        return []
    elsewhere = [*lists.get("partly", ()), *lists.get("refunded", ())]
    every = {value.casefold(): value for value in [*found, *listed] if not _has(elsewhere, value)}
    return list(every.values())


def _has(listed: Iterable[str], value: str) -> bool:
    return value.casefold() in [one.casefold() for one in listed]


def mapped_profile(base: Document, table: Table, chosen: Mapping[str, str], description: str) -> str:
    """Returns the base with these choices as TOML text; required fields may be missing.

    A field keeps what the base has, such as several column names, unless the choice differs from the base.
    """
    made = deepcopy(base)
    made["description"] = description
    drafted = drafted_choices(base, table)
    changed = {name: chosen.get(name, "") for name in drafted if chosen.get(name, "") != drafted[name]}
    changed |= {name: "" for name in _absent(base, drafted) if name not in changed}
    _map_fields(made, table.header, chosen, changed)
    _map_amounts(made, table.header, changed)
    _set(made, chosen)
    _sort_statuses(made, statuses_of(base, table), chosen)
    return tomlkit.dumps({name: value for name, value in made.items() if value not in ({}, [])})


def _absent(base: Document, drafted: Mapping[str, str]) -> list[str]:
    """Returns the fields that the base requires although the file has no column for them."""
    optional = base.get("optional", [])
    return [name for name in base.get("columns", {}) if not drafted.get(name, "x") and name not in optional]


def _map_fields(
    made: Document, header: tuple[str, ...], chosen: Mapping[str, str], changed: Mapping[str, str]
) -> None:
    before = set(made.get("columns", {}))
    for name in (*NEEDED, *MORE):
        if name in changed and name != PRICE:
            _map_field(made, name, header, changed[name])
    if PRICE in changed or PRICE_IS in changed:
        _map_price(made, header, chosen)
    columns, given = made.get("columns", {}), _given(made)
    added = [name for name in _MAY_BE_ABSENT if name in columns and name not in before]
    made["optional"] = [name for name in [*made.get("optional", []), *added] if name in given]
    made["inherit"] = [name for name in made.get("inherit", []) if name in given]
    pairs = made.get("fallback", {}).items()
    made["fallback"] = {name: other for name, other in pairs if {name, other} <= given}


def _map_price(made: Document, header: tuple[str, ...], chosen: Mapping[str, str]) -> None:
    price, other = chosen.get(PRICE_IS, PRICES[0].value), chosen.get(PRICE, "")
    drafted = next((field.value for field in PRICES if kept(made, field)), "")
    if other == KEEP and drafted and drafted != price:
        fields = next(one for one in _sections(made) if drafted in one)
        fields[price] = fields.pop(drafted)
    elif other != KEEP:
        for field in PRICES:
            _map_field(made, field.value, header, other if field.value == price else "")


def _map_field(made: Document, name: str, header: tuple[str, ...], choice: str) -> None:
    if choice == KEEP:
        return
    _forget(made, name)
    if column := _column(header, choice):
        made.setdefault("columns", {})[name] = column


def _forget(made: Document, name: str) -> None:
    for fields_of_section in _sections(made):
        fields_of_section.pop(name, None)
    for section, fields in (("items", "fields"), ("companion", "columns")):
        if section in made and not made[section][fields]:
            del made[section]


def place_of_choice(choice: str, columns: int) -> int | None:
    """Returns the position (from 0) of the chosen one of `columns` columns; None for `keep` or no column."""
    places = (str(at) for at in range(columns))
    return int(choice) if choice in places else None


def _column(header: tuple[str, ...], choice: str) -> str:
    """Returns the name of the chosen column; empty if no column is chosen."""
    place = place_of_choice(choice, len(header))
    return "" if place is None else header[place]


def _sections(made: Document) -> list[dict[str, Any]]:
    """Returns the sections whose keys are fields."""
    sections = [made.get(name, {}) for name in ("columns", "joined", "constants")]
    return [*sections, made.get("items", {}).get("fields", {}), made.get("companion", {}).get("columns", {})]


def _given(made: Document) -> set[str]:
    return {name for section in _sections(made) for name in section}


def _map_amounts(made: Document, header: tuple[str, ...], changed: Mapping[str, str]) -> None:
    amounts = made.setdefault("amounts", {})
    for name in AMOUNTS:
        choice = changed.get(name, KEEP)
        if choice == KEEP:
            continue
        amounts.pop(name, None)
        made.get("items", {}).get("fields", {}).pop(name, None)
        if column := _column(header, choice):
            amounts[name] = column
    for name, values in (
        ("tax_included", TAX_INCLUDED),
        ("line_level", {"add": "add", "contained": "contained"}),
    ):
        choice = changed.get(name, KEEP)
        if choice in values:
            amounts[name] = values[choice]
        elif choice != KEEP:
            amounts.pop(name, None)


def _set(made: Document, chosen: Mapping[str, str]) -> None:
    """Sets the date format, the decimal separator, the currency and the lines to leave out."""
    dates = chosen.get("dates", "")
    for name in ("date_order", "date_format"):
        made.pop(name, None)
    if dates:
        is_order = dates in set(DateOrder)
        made["date_order" if is_order else "date_format"] = dates if is_order else dates.split("|")
    made.pop("decimal", None)
    if chosen.get("decimal_is"):
        made["decimal"] = chosen["decimal_is"]
    currency = chosen.get("currency_is", "").strip().upper()
    if currency and "currency" not in _given(made):
        made.setdefault("constants", {})["currency"] = currency
    others = [one for one in made.get("lines", {}).get("leave_out", []) if one not in list(LineKind)]
    left_out = [kind.value for kind in LineKind if chosen.get(kind.value)]
    made["lines"] = {"leave_out": [*left_out, *others]} if left_out or others else {}


def _sort_statuses(made: Document, values: list[StatusValue], chosen: Mapping[str, str]) -> None:
    for is_payment in (True, False):
        for column in dict.fromkeys(one.column for one in values if one.is_payment is is_payment):
            before = made["payment"] if is_payment else {"skip": made["skip"][column]}
            lists = {name: [value for value in before.get(name, ()) if not value] for name in _LISTS}
            for one in (one for one in values if one.column == column):
                if (means := chosen.get(one.choice, "")) in lists:
                    lists[means].append(one.value)
            if is_payment:
                made["payment"] = {
                    name: value for name, value in made["payment"].items() if name not in _LISTS
                }
                made["payment"] |= {name: listed for name, listed in lists.items() if listed}
            elif lists["skip"]:
                made["skip"][column] = lists["skip"]
            else:
                made["skip"].pop(column)
