"""Records events for other systems about imports that ended."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from orders_pipeline.base.model import SETTLED, EventType
from orders_pipeline.events.recording import NewEvent, is_wanted, record_events
from orders_pipeline.imports.parsed_batches import count_by_status
from orders_pipeline.store.schema import imports, sources


def record_finished(connection: Connection, import_id: int) -> None:
    """Records that every order of an import is settled."""
    if is_wanted(connection, EventType.IMPORT_FINISHED):
        counts = count_by_status(connection, import_id)
        ended = {"statuses": {status.value: counts[status] for status in SETTLED}}
        record_events(connection, EventType.IMPORT_FINISHED, [_event(connection, import_id, ended)])


def record_refused(connection: Connection, import_id: int, code: str, reason: str) -> None:
    """Records that a file was refused."""
    if is_wanted(connection, EventType.IMPORT_REFUSED):
        why = {"code": code, "message": reason}
        record_events(connection, EventType.IMPORT_REFUSED, [_event(connection, import_id, why)])


def _event(connection: Connection, import_id: int, more: dict[str, Any]) -> NewEvent:
    i = imports.c
    query = select(i.partition_key, i.file_name, sources.c.name, i.records, i.rejected_lines)
    query = query.join(sources, sources.c.id == i.source_id).where(i.id == import_id)
    key, name, source, records, rejected = connection.execute(query).one()
    about = {"file": key, "file_name": name, "source": source, "records": records}
    return NewEvent(key, about | {"rejected_lines": rejected} | more)
