"""Records events for other systems about refunds that were completed or failed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Row, Select, select

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.model import EventType
from orders_pipeline.events.recording import NewEvent, is_wanted, record_events
from orders_pipeline.store.schema import orders, refunds, sources


def record_refunds(connection: Connection, kind: EventType, ended: Select[int]) -> None:
    """Records an event for each of these refunds, given by id; the transaction must hold their locks."""
    if is_wanted(connection, kind):
        record_events(connection, kind, map(_event, _rows(connection, ended)))


def _rows(connection: Connection, ended: Select[int]) -> Sequence[Row[tuple[object, ...]]]:
    r, o = refunds.c, orders.c
    query = (
        select(r.refund_id, r.kind, r.method, r.amount, r.reason, r.transaction_id, r.failure, r.day)
        .add_columns(r.order_id, r.attempt, o.number, o.currency, o.total)
        .add_columns(sources.c.name.label("source"))
        .join(orders, o.id == r.order_id)
        .join(sources, sources.c.id == o.source_id)
        .where(r.id.in_(ended))
        .order_by(r.id)
    )
    return connection.execute(query).all()


def _event(row: Row[tuple[object, ...]]) -> NewEvent:
    data = {
        "number": row.number,
        "source": row.source,
        "total": decimal_string(row.total, row.currency),
        "currency": row.currency,
        "refund_id": row.refund_id,
        "kind": row.kind,
        "method": row.method,
        "amount": decimal_string(row.amount, row.currency),
        "reason": row.reason,
        "transaction_id": row.transaction_id,
    }
    if row.failure is not None:
        data["failure"] = row.failure
    return NewEvent(None, data, (row.order_id, row.attempt))
