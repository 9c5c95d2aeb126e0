"""Events as CloudEvents 1.0, made from recorded rows; the same row always gives the same document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from sqlalchemy import Connection, RowMapping, and_, select

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.model import EventType
from orders_pipeline.store.schema import events, failures, home, imports, orders, payments, sources
from orders_pipeline.store.statements.many_values import among

ONE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
STATUS: Mapping[str, str] = {
    EventType.ORDER_COMPLETED: "completed",
    EventType.ORDER_AUTHORIZED: "authorized",
    EventType.ORDER_FAILED: "failed",
    EventType.ORDER_ROLLED_BACK: "rollback",
    EventType.PAYMENT_REQUIRES_ACTION: "rollback",
}
# Not by the status of the payment, which may change before the last try.
PAID = (EventType.ORDER_COMPLETED, EventType.ORDER_AUTHORIZED)


def source_of(connection: Connection) -> str:
    """Returns the `source` of this store's events."""
    return f"/orders/{connection.execute(select(home.c.token)).scalar_one()}"


def event_documents(connection: Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Returns events by id, as JSON."""
    source = source_of(connection)
    e, o = events.c, orders.c
    of_attempt = {
        table: and_(table.c.order_id == e.order_id, table.c.attempt == e.attempt)
        for table in (failures, payments)
    }
    query = (
        select(events, o.number, o.currency, o.total, sources.c.name.label("source"))
        .add_columns(imports.c.partition_key, failures.c.reason, failures.c.detail)
        .add_columns(payments.c.transaction_id)
        .outerjoin(orders, o.id == e.order_id)
        .outerjoin(sources, sources.c.id == o.source_id)
        .outerjoin(imports, imports.c.id == o.import_id)
        .outerjoin(failures, of_attempt[failures])
        .outerjoin(payments, of_attempt[payments])
        .where(among(connection, e.id, ids))
    )
    rows = connection.execute(query).mappings()
    return {
        row["id"]: document(source, row["id"], row["type"], row["at"], _subject(row), _data(row))
        for row in rows
    }


def document(source: str, number: int, kind: str, at: int, subject: str, data: Mapping[str, Any]) -> bytes:
    """Returns a CloudEvent as JSON. Its `sequence` increases with its number, also when compared as text."""
    attributes = {
        "specversion": "1.0",
        "id": str(number),
        "source": source,
        "type": kind,
        "subject": subject,
        "time": to_datetime(at),
        "datacontenttype": "application/json",
        "sequence": f"{number:020}",
    }
    return JSONFormat().write(CloudEvent(attributes, dict(data)))


def _subject(row: RowMapping) -> str:
    return row["subject"] if row["subject"] is not None else f"{row['source']}/{row['number']}"


def _data(row: RowMapping) -> dict[str, Any]:
    if row["data"] is not None:
        return dict(row["data"])
    return {
        "number": row["number"],
        "source": row["source"],
        "status": STATUS[row["type"]],
        "total": decimal_string(row["total"], row["currency"]),
        "currency": row["currency"],
        "reason": row["reason"],
        "detail": row["detail"],
        "transaction_id": row["transaction_id"] if row["type"] in PAID else None,
        "settled_at": to_datetime(row["at"]).isoformat(),
        "file": row["partition_key"],
    }
