"""Rejected lines as cells, for the page that shows them and the form that sends corrections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from orders_pipeline.imports.documents import identified_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.results.corrections import Corrections, imported_since, rejected_texts
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.export_note import reasons_in
from orders_pipeline.order_files.proposals.shown_columns import uses_of
from orders_pipeline.order_files.rejects.cells import cells_of

# The number of cells to show if the profile reads none of the columns by name.
MOST_SHOWN = 30
_CELL = re.compile(r"cell-(\d{1,15})-(\d{1,5})")
_LINE = re.compile(r"line-(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a rejected line; `field` is its name in the form."""

    field: str
    name: str
    value: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class ShownReject:
    """A rejected line.

    Attributes:
        row: the line as it is in the store.
        cells: the cells that the profile reads; None if the line is broken or was already shown above.
        line: name of its whole text in the form; empty if its cells are corrected instead.
        is_since: whether its order was imported later.
    """

    row: dict[str, Any]
    cells: list[Cell] | None
    line: str
    is_since: bool


def shown_rejects(connection: Connection, found: Import, rows: list[dict[str, Any]]) -> list[ShownReject]:
    """Returns rejected lines with their cells."""
    identified = identified_of(found)
    read = set(uses_of(identified.profile, identified.header)) or set(range(MOST_SHOWN))
    numbers = {row["order_number"] for row in rows if row["order_number"]}
    since = imported_since(connection, found, numbers)
    shown, seen = [], set()
    for row in rows:
        # A record with several items is rejected once for each item.
        cells = _cells(row, identified, read) if row["record"] not in seen else None
        is_broken = cells is None and row["record"] not in seen and bool(row["raw"])
        seen.add(row["record"])
        line = f"line-{row['record']}" if is_broken else ""
        shown.append(ShownReject(row, cells, line, row["order_number"] in since))
    return shown


def _cells(row: dict[str, Any], identified: Identified, read: set[int]) -> list[Cell] | None:
    values = cells_of(row["raw"], identified)
    if values is None:
        return None
    front, wrong = reasons_in(identified.header), row["column_name"]
    return [
        Cell(f"cell-{row['record']}-{at}", name, values[at], wrong is not None and name == wrong)
        for at, name in enumerate(identified.header)
        if at >= front and (at in read or name == wrong)
    ]


def corrections_in(connection: Connection, found: Import, fields: Mapping[str, str]) -> Corrections:
    """Returns the changes in a form.

    Browsers remove line ends in a cell, so a difference in these is no change.
    """
    identified = identified_of(found)
    cells = {name: match for name in fields if (match := _CELL.fullmatch(name))}
    lines = {name: match for name in fields if (match := _LINE.fullmatch(name))}
    records = {int(match[1]) for match in (*cells.values(), *lines.values())}
    texts = rejected_texts(connection, found.id, records)
    before = {record: cells_of(raw, identified) for record, raw in texts.items()}
    changed: dict[int, dict[int, str]] = {}
    for name, match in cells.items():
        record, at = int(match[1]), int(match[2])
        values = before.get(record)
        if values is not None and at < len(values) and not _is_same(fields[name], values[at]):
            changed.setdefault(record, {})[at] = fields[name]
    whole = {
        record: fields[name]
        for name, match in lines.items()
        if (record := int(match[1])) in texts and not _is_same(fields[name], texts[record])
    }
    return Corrections(changed, whole)


def _is_same(sent: str, stored: str) -> bool:
    return re.sub(r"[\r\n]+", "", sent) == re.sub(r"[\r\n]+", "", stored)
