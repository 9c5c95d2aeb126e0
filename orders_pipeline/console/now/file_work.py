"""Running imports with their progress and the remaining time."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Connection

from orders_pipeline.api.context import ApiContext
from orders_pipeline.base.model import UNSOLD, ImportStatus, OrderStatus
from orders_pipeline.imports.import_row import Import, find_import, imports_in, seconds_to_settle
from orders_pipeline.imports.state.progress import progress_of, status_counts
from orders_pipeline.store.engine import reading

MOST_SHOWN = 10
STAGES = ("loaded", "reserved", "charged", "settled")


def at_work(connection: Connection, found: Import, per_second: float) -> dict[str, Any]:
    """Returns the progress of an import.

    Args:
        per_second: number of orders that the pipeline settles per second at present.
    """
    progress = asdict(progress_of(connection, found.id))
    left = (progress["orders"] - progress["settled"]) / per_second if per_second else None
    return {
        "partition": found.key,
        "file": found.file_name,
        "status": found.status,
        "progress": progress,
        "done": sum(progress[stage] for stage in STAGES),
        "whole": progress["orders"] * len(STAGES),
        "per_second": per_second,
        "seconds_left": left if progress["orders"] else None,
    }


def files_at_work(context: ApiContext) -> list[dict[str, Any]]:
    """Returns the files that are being imported, with their progress."""
    per_second = _per_second(context)
    with reading(context.engine) as connection:
        running = imports_in(connection, ImportStatus.RUNNING)[:MOST_SHOWN]
        return [at_work(connection, found, per_second) for found in running]


def file_at_work(context: ApiContext, key: str) -> dict[str, Any] | None:
    """Returns the progress of a file; None if there is no such file."""
    per_second = _per_second(context)
    with reading(context.engine) as connection:
        found = find_import(connection, key)
        return at_work(connection, found, per_second) if found else None


def _per_second(context: ApiContext) -> float:
    """Returns the number of orders settled per second at present; 0 if it is unknown."""
    try:
        return float(context.figures.live.figures(context.settings.currency)["orders_per_second"])
    except RedisError:
        return 0.0


def in_list(connection: Connection, found: Import) -> dict[str, Any]:
    """Returns the progress of an import in a list, from the counts of its batches.

    Its orders are not read.
    """
    progress, counts = progress_of(connection, found.id), status_counts(connection, found.id)
    return {
        "partition": found.key,
        "file": found.file_name,
        "status": found.status,
        "why": found.refused_because,
        "orders": progress.orders,
        "settled": progress.settled,
        "completed": counts[OrderStatus.COMPLETED],
        "failed": sum(counts[status] for status in UNSOLD),
        "rejected": found.rejected_lines + found.lines_of_rejected_orders,
        "staged_at": found.staged_at,
        "seconds": seconds_to_settle(found),
    }
