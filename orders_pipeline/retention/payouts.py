"""Removes rejected lines of old reports and bank statements; their number stays."""

from __future__ import annotations

from sqlalchemy import Engine, delete, func, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import settlement_files, settlement_rejects


def remove_payout_rejects(engine: Engine, before: int, *, dry: bool) -> int:
    """Removes rejects of files that were imported before a time, in microseconds; returns how many."""
    old_files = select(settlement_files.c.id).where(settlement_files.c.imported_at < before)
    old = settlement_rejects.c.file_id.in_(old_files)
    if dry:
        with reading(engine) as connection:
            return connection.execute(select(func.count()).where(old)).scalar_one()
    with engine.begin() as connection:
        return connection.execute(delete(settlement_rejects).where(old)).rowcount
