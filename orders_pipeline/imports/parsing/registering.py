"""Registers a parsed file: its batches with the ids of their orders, its rejects and its returns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.documents import Parsed, parsed_document
from orders_pipeline.imports.money_back.store_returns import store_returns
from orders_pipeline.imports.rejects import keep_rejects, rejects_in
from orders_pipeline.order_files.parsed_file import ParsedBatch
from orders_pipeline.store.schema import batches, home, imports


def register_parsed(connection: Connection, import_id: int, parsed: Parsed, folder: Path) -> bool:
    """Gives the orders of a parsed file their ids, and stores its rejects and returns.

    Args:
        folder: of the parsed file.

    Returns:
        False if another try did.
    """
    noted = select(imports.c.records, imports.c.source_id).where(imports.c.id == import_id).with_for_update()
    records, source_id = connection.execute(noted).one()
    if records:
        return False
    file = parsed.file
    _register_batches(connection, import_id, source_id, file.batches)
    keep_rejects(connection, import_id, rejects_in(folder))
    note_parsed(connection, import_id, parsed)
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(
            records=file.records,
            rejected_lines=file.rejected_lines,
            lines_of_rejected_orders=file.lines_of_rejected_orders,
            rejected_orders=file.orders_rejected,
            left_out_lines=file.left_out_lines,
            repeated_lines=file.repeated_lines,
            **store_returns(connection, import_id, source_id, folder),
        )
    )
    return True


def _register_batches(
    connection: Connection, import_id: int, source_id: int, parsed: Sequence[ParsedBatch]
) -> None:
    first_id = _take_ids(connection, sum(batch.orders for batch in parsed))
    for batch in parsed:
        connection.execute(
            insert(batches).values(
                import_id=import_id,
                number=batch.number,
                source_id=source_id,
                first_order_id=first_id,
                orders=batch.orders,
                lines=batch.lines,
                progress_at=now_us(),
            )
        )
        first_id += batch.orders


def _take_ids(connection: Connection, count: int) -> int:
    taken = update(home).values(next_order_id=home.c.next_order_id + count).returning(home.c.next_order_id)
    return int(connection.execute(taken).scalar_one()) - count


def note_parsed(connection: Connection, import_id: int, parsed: Parsed) -> None:
    """Stores what parsing found out, and the rules that it applied."""
    noted = {"parsed": parsed_document(parsed)}
    connection.execute(update(imports).where(imports.c.id == import_id).values(noted))
