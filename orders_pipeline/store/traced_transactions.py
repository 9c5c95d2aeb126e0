"""Spans for the transactions of an order store, inside the span that is open."""

from __future__ import annotations

import time

from sqlalchemy import Connection, Engine, event

from orders_pipeline.base.telemetry.recorder import Attributes
from orders_pipeline.base.telemetry.tracing import recorder

BEGAN = "span_began_ns"


def trace_transactions(engine: Engine) -> None:
    """Adds a span for each transaction, if there is a collector."""
    if recorder() is not None:
        event.listen(engine, "begin", _begin)
        event.listen(engine, "commit", _commit)
        event.listen(engine, "rollback", _roll_back)


def _begin(connection: Connection) -> None:
    connection.info[BEGAN] = time.time_ns()


def _commit(connection: Connection) -> None:
    _end(connection, "commit")


def _roll_back(connection: Connection) -> None:
    _end(connection, "rollback")


def _end(connection: Connection, ended_by: str) -> None:
    records, began_ns = recorder(), connection.info.pop(BEGAN, None)
    if records is None or began_ns is None or not records.in_span():
        return
    reads_only = bool(connection.get_execution_options().get("reads_only"))
    attributes: Attributes = {
        "db.system.name": connection.dialect.name,
        "orders.ended_by": ended_by,
        "orders.reads_only": reads_only,
    }
    records.add("read the store" if reads_only else "write the store", began_ns, attributes)
