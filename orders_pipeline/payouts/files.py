"""Lists the imported files about payouts, and the rejected lines of one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.store.schema import settlement_files, settlement_rejects

Document = dict[str, Any]


class UnknownPayoutFileError(LookupError):
    """No imported file has this number."""


def list_files(connection: Connection, limit: int) -> list[Document]:
    """Returns the latest imported files, newest first."""
    f = settlement_files.c
    query = select(
        f.id,
        f.file_name,
        f.format,
        f.provider,
        f.account,
        f.first_at,
        f.last_at,
        f.imported_at,
        f.imported_by,
    ).add_columns(f.records, f.accepted, f.duplicates, f.unrelated, f.rejected)
    return [
        {
            **row,
            **{name: _time(row[name]) for name in ("first_at", "last_at", "imported_at")},
        }
        for row in connection.execute(query.order_by(f.id.desc()).limit(limit)).mappings()
    ]


def list_rejects(connection: Connection, file_id: int) -> list[Document]:
    """Returns the rejected lines of a file.

    Raises:
        UnknownPayoutFileError: no file has this number.
    """
    r = settlement_rejects.c
    if (
        connection.execute(select(settlement_files.c.id).where(settlement_files.c.id == file_id)).first()
        is None
    ):
        raise UnknownPayoutFileError(f"No file about payouts has the number {file_id}.")
    query = select(r.line, r.code, r.message, r.raw).where(r.file_id == file_id).order_by(r.line)
    return [dict(row) for row in connection.execute(query).mappings()]


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else to_datetime(microseconds).isoformat(timespec="seconds")
