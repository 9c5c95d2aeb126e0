"""Proposes which orders to skip and which are paid elsewhere, from columns that hold a status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from orders_pipeline.order_files.columns.money_columns import ANY_VALUE
from orders_pipeline.order_files.proposals.known_names import is_cancellation, is_status, status_meaning
from orders_pipeline.order_files.proposals.table import Table

# A column with more distinct values is not a status column.
MOST_VALUES = 40
SHOWN = 8


@dataclass(slots=True)
class Statuses:
    """The sections `skip` and `payment` of a draft, from the status columns, and the doubts about them."""

    skip: dict[str, tuple[str, ...]] = field(default_factory=dict)
    payment: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def skipped_payments(self) -> dict[str, tuple[str, ...]]:
        """Returns what `payment` skips, by column, for a file in which only `skip` can be used."""
        skipped = self.payment.get("skip", ())
        return {str(self.payment["column"]): tuple(skipped)} if skipped else {}


def read_statuses(table: Table) -> Statuses:
    """Finds status columns by their names or values, and sorts their values by known words."""
    found = Statuses()
    for at, name in enumerate(table.header):
        values = _values(table.rows.to_series(at))
        if name and is_cancellation(name):
            found.skip[name] = (ANY_VALUE,)
        elif name and (is_status(name) or _are_statuses(values)) and 0 < len(values) <= MOST_VALUES:
            _sort(found, name, values)
    return found


def _are_statuses(values: list[str]) -> bool:
    """Whether at least half of the values are known statuses, and one means that orders are not charged."""
    meanings = [status_meaning(value) for value in values]
    known = len(values) - meanings.count(None)
    return 2 * known >= len(values) and any(meaning in ("skip", "paid") for meaning in meanings)


def _sort(found: Statuses, name: str, values: list[str]) -> None:
    by_meaning: dict[str | None, list[str]] = {}
    for value in values:
        by_meaning.setdefault(status_meaning(value), []).append(value)
    unknown = by_meaning.pop(None, [])
    if "paid" in by_meaning and not found.payment:
        found.payment = {"column": name, **dict(_lists(by_meaning))}
        if unknown:
            found.doubts.append(
                f"{name} has the values {_shown(unknown)}, which are in no list of [payment]: "
                "their orders are rejected until you add them"
            )
        return
    if "skip" in by_meaning:
        found.skip[name] = tuple(by_meaning["skip"])
    if unknown:
        found.doubts.append(f"{name} has the values {_shown(unknown)}: their orders are imported")


def _lists(by_meaning: dict[str | None, list[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for meaning, name in (("paid", "recorded"), ("charge", "charge"), ("skip", "skip")):
        if meaning in by_meaning:
            yield name, tuple(by_meaning[meaning])


def _values(column: pl.Series) -> list[str]:
    text = column.drop_nulls().str.strip_chars()
    return text.filter(text != "").unique(maintain_order=True).to_list()


def _shown(values: list[str]) -> str:
    more = ", ..." if len(values) > SHOWN else ""
    return ", ".join(repr(value[: SHOWN * 5]) for value in values[:SHOWN]) + more
