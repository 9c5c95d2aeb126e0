"""Guesses which column of an unknown file holds which order field, from its name and its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.order_files.columns.profile import DateOrder, OrderField
from orders_pipeline.order_files.proposals.known_names import field_likeness
from orders_pipeline.order_files.values.amounts import SCALE, AmountEvidence, DecimalSeparator, read_amounts
from orders_pipeline.order_files.values.date_reading import DateCode, read_dates
from orders_pipeline.order_files.values.dates import DateEvidence, DateRules, OpenDates


@dataclass(frozen=True, slots=True)
class Guess:
    """A column that may hold a field, with the confidence (0 to 1) and the reason."""

    field: OrderField
    column: str
    confidence: float
    reason: str


def guess_columns(header: tuple[str, ...], rows: pl.DataFrame) -> list[Guess]:
    """Returns the best column for each field, if any fits; each column is used at most once."""
    found = [guess for at, name in enumerate(header) for guess in _guesses(name, rows.to_series(at))]
    chosen: dict[OrderField, Guess] = {}
    for guess in sorted(found, key=lambda guess: -guess.confidence):
        taken = {other.column for other in chosen.values()}
        if guess.field not in chosen and guess.column not in taken:
            chosen[guess.field] = guess
    return [chosen[field] for field in OrderField if field in chosen]


def decimal_separator(values: pl.Series) -> DecimalSeparator:
    """Returns the decimal separator that `values` use; a point if they use none or both."""
    evidence = AmountEvidence()
    evidence.add(values)
    return evidence.decide() or DecimalSeparator()


def _guesses(name: str, values: pl.Series) -> Iterator[Guess]:
    for field in OrderField:
        likeness = field_likeness(field, name) if name else 0.0
        if likeness > 0:
            share, what = _content(field, values)
            yield Guess(field, name, round(likeness * share, 2), f"chosen by its name{what}")


def _content(field: OrderField, values: pl.Series) -> tuple[float, str]:
    """Returns the share (0 to 1) of the filled values that fit the field, and the words for the reason."""
    text = values.drop_nulls().str.strip_chars()
    filled = text.filter(text != "")
    if not filled.len():
        return 0.1, ", but it is empty"
    match field:
        case OrderField.QUANTITY:
            share, what = _share(_amounts(filled) % SCALE == 0), "whole numbers"
        case OrderField.UNIT_PRICE | OrderField.LINE_TOTAL:
            share, what = _share(_amounts(filled, 4).is_not_null()), "amounts"
        case OrderField.ORDERED_AT:
            codes = read_dates(filled, _date_rules(filled), "UTC")["code"]
            share, what = _share(codes.fill_null("") != DateCode.UNREADABLE), "dates"
        case OrderField.CURRENCY:
            share, what = _share(filled.str.to_uppercase().is_in(list(MINOR_DIGITS))), "ISO 4217 codes"
        case _:
            return 1.0, ""
    return share, f"; {share:.0%} are {what}"


def _amounts(values: pl.Series, decimals: int | None = None) -> pl.Series:
    return read_amounts(values, decimal_separator(values), decimals)["units"]


def _share(fitting: pl.Series) -> float:
    return int(fitting.fill_null(value=False).sum()) / max(1, fitting.len())


def _date_rules(values: pl.Series) -> DateRules:
    """Returns the rules for reading `values` as dates; ambiguous dates are read with the day first."""
    evidence = DateEvidence()
    evidence.add(values)
    decided = evidence.decide(DateRules(), None, None)
    if isinstance(decided, OpenDates):
        decided = evidence.decide(DateRules(), DateOrder.DMY, None)
    return decided if isinstance(decided, DateRules) else DateRules()
