"""Books returns that name an order as refunds of that order, once the orders of their file are settled."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection, Engine, delete, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.loading.batch_rows import BatchRows
from orders_pipeline.imports.loading.known_orders import reject_whole
from orders_pipeline.imports.money_back.order_returns import (
    COLUMNS,
    NAMES,
    refunds_asked,
    refused_numbers,
    stored_lines,
)
from orders_pipeline.imports.state.status import lock_import
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.refunds.requests.request import request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, order_returns
from orders_pipeline.store.statements.many_values import among, parts


def book_order_returns(engine: Engine, found: Import, terms: RefundTerms, actor: str) -> None:
    """Books the returns of an import that name an order, or rejects them.

    However often it is called, each is booked or rejected once.
    """
    if not found.returns:
        return
    with reading(engine) as connection:
        lines = _unbooked(connection, found.id)
        asked = list(refunds_asked(connection, found.source, lines))
    if not asked:
        return
    answers = request_refunds(engine, [one for _, one in asked], terms, actor)
    refused = refused_numbers(asked, answers)
    with engine.begin() as connection:
        lock_import(connection, found.id)
        # Another run may have ended this in the meantime.
        lines = _unbooked(connection, found.id)
        for code, numbers in refused.items():
            _reject(connection, found.id, lines.filter(pl.col("number").is_in(numbers)), code)
        booked = update(order_returns).where(
            order_returns.c.import_id == found.id, order_returns.c.booked_at.is_(None)
        )
        connection.execute(booked.values(booked_at=now_us()))


def _reject(connection: Connection, import_id: int, lines: pl.DataFrame, code: RejectCode) -> None:
    if lines.is_empty():
        return
    heads = lines.group_by("number", maintain_order=True).agg(pl.col("order_number").first())
    heads = heads.with_row_index("position")
    rows = lines.join(heads.select("position", "number"), on="number")
    rows = rows.select("position", "record", "file_line", line_number="line")
    named = "number" if code is RejectCode.ORDER_CONFLICT else NAMES
    reject_whole(connection, import_id, BatchRows(heads, rows), code, named)
    own = order_returns.c.import_id == import_id
    for part in parts(heads["number"]):
        connection.execute(delete(order_returns).where(own, among(connection, order_returns.c.number, part)))
    i = imports.c
    moved = {
        "returns": i.returns - heads.height,
        "return_lines": i.return_lines - lines.height,
        "refused_returns": i.refused_returns + heads.height,
        "refused_return_lines": i.refused_return_lines + lines.height,
    }
    connection.execute(update(imports).where(i.id == import_id).values(moved))


def _unbooked(connection: Connection, import_id: int) -> pl.DataFrame:
    table = order_returns.c
    query = stored_lines().where(table.import_id == import_id, table.booked_at.is_(None))
    rows = [tuple(row) for row in connection.execute(query.order_by(table.record, table.number, table.line))]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")
