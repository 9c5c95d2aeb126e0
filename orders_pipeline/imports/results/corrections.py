"""Corrections of rejected lines, as a file that is imported like a corrected export of rejects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from sqlalchemy import Connection, select

from orders_pipeline.imports.arrival.sources import find_source
from orders_pipeline.imports.documents import identified_of, parsed_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.results.reject_export import write_rejects
from orders_pipeline.order_files.rejects.cells import require_writable, with_cells
from orders_pipeline.order_files.rejects.export import RejectedLine, written_encoding
from orders_pipeline.staging.staging import Staging
from orders_pipeline.store.schema import orders, rejects
from orders_pipeline.store.statements.many_values import among, parts


@dataclass(frozen=True, slots=True)
class Corrections:
    """The replacements of a file's rejected lines, by record.

    Attributes:
        cells: values by the positions of their columns.
        lines: whole lines, for those that are broken.
    """

    cells: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    lines: Mapping[int, str] = field(default_factory=dict)

    @property
    def records(self) -> set[int]:
        """The records that are corrected."""
        return {*self.cells, *self.lines}


def write_corrections(
    connection: Connection, staging: Staging, found: Import, corrections: Corrections, target: BinaryIO
) -> int:
    """Writes the orders with corrected lines, each with all its lines; returns how many lines.

    Raises:
        FileRefused: a line cannot be corrected like this.
    """
    identified, parsed = identified_of(found), parsed_of(found)
    encoding = written_encoding(parsed.file.encoding if parsed else identified.encoding)

    def corrected(reject: RejectedLine) -> RejectedLine:
        if line := corrections.lines.get(reject.record):
            require_writable(line, encoding)
            return replace(reject, raw=line)
        if changes := corrections.cells.get(reject.record):
            return replace(reject, raw=with_cells(reject.raw, identified, changes, encoding))
        return reject

    wanted = _records_of_orders(connection, found.id, corrections.records)
    return write_rejects(connection, staging, found, target, wanted=wanted, change=corrected)


def _records_of_orders(connection: Connection, import_id: int, records: set[int]) -> set[int]:
    """Adds the other records of the same orders, because an order is imported as a whole."""
    of_import = rejects.c.import_id == import_id
    numbers = {
        number
        for some in parts(records)
        for number in connection.scalars(
            select(rejects.c.order_number).where(of_import, among(connection, rejects.c.record, some))
        )
        if number
    }
    return records | {
        record
        for some in parts(numbers)
        for record in connection.scalars(
            select(rejects.c.record).where(of_import, among(connection, rejects.c.order_number, some))
        )
    }


def rejected_texts(connection: Connection, import_id: int, records: Collection[int]) -> dict[int, str]:
    """The texts of rejected records; empty where only the original file has it."""
    of_import, found = rejects.c.import_id == import_id, dict[int, str]()
    for some in parts(records):
        query = select(rejects.c.record, rejects.c.raw).where(
            of_import, among(connection, rejects.c.record, some)
        )
        found |= {row.record: row.raw for row in connection.execute(query)}
    return found


def records_with(connection: Connection, import_id: int, code: str) -> set[int]:
    """The records that were rejected for a reason."""
    query = select(rejects.c.record).where(rejects.c.import_id == import_id, rejects.c.code == code)
    return set(connection.scalars(query))


def imported_since(connection: Connection, found: Import, numbers: Collection[str]) -> set[str]:
    """Which of these orders a later file brought: a correction, for example."""
    of_source = orders.c.source_id == find_source(connection, found.source)
    wanted = (of_source, orders.c.number.in_(numbers), orders.c.import_id > found.id)
    return set(connection.scalars(select(orders.c.number).where(*wanted)))
