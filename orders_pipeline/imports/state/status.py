"""The status of an import: started, turned away, refused, stalled, finished and reopened."""

from __future__ import annotations

from sqlalchemy import Connection, case, func, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OPEN, ImportStatus
from orders_pipeline.imports.parsed_batches import count_by_status
from orders_pipeline.imports.state.import_events import record_finished, record_refused
from orders_pipeline.store.schema import batches, imports


class OpenOrdersError(RuntimeError):
    """An import cannot be finished, because orders of it are not settled."""


def lock_import(connection: Connection, import_id: int) -> None:
    """Keeps other transactions from starting, finishing or reopening an import until this one ends.

    Lock order: the import first, then its batches.
    """
    connection.execute(select(imports.c.id).where(imports.c.id == import_id).with_for_update())


def start_import(connection: Connection, import_id: int, run_id: str) -> None:
    """Records the run that works on an import now, and counts launches without progress in between.

    A finished import stays finished: a run of it has nothing to do.
    """
    lock_import(connection, import_id)
    _forgive_stalled(connection, import_id)
    progress = progress_of_batches(connection, import_id)
    asked_for_again = (imports.c.status == ImportStatus.REFUSED) & (imports.c.run_id != run_id)
    brought_nothing = (imports.c.progress_seen == progress) & (imports.c.launches > 0)
    now = now_us()
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id, imports.c.status != ImportStatus.FINISHED)
        .values(
            run_id=run_id,
            started_at=func.coalesce(imports.c.started_at, now),
            status=ImportStatus.RUNNING,
            refused_because=None,
            refused_code=None,
            tries=case((asked_for_again, 0), else_=imports.c.tries),
            run_beat_at=now,
            work_beat_at=now,
            dropped_at=None,
            launches=case(
                (imports.c.run_id == run_id, imports.c.launches),
                (brought_nothing, imports.c.launches + 1),
                else_=1,
            ),
            progress_seen=progress,
        )
    )


def turn_away(connection: Connection, import_id: int, run_id: str) -> None:
    """Records the run of a file that waits for the intake; the watchdog launches it once resumed."""
    waits = {"run_id": run_id, "status": ImportStatus.STAGED, "refused_because": None, "refused_code": None}
    connection.execute(update(imports).where(imports.c.id == import_id).values(waits))


def _forgive_stalled(connection: Connection, import_id: int) -> None:
    # An operator launched it again after it had stalled: tries and launches are counted anew.
    stalled = select(imports.c.id).where(imports.c.id == import_id, imports.c.status == ImportStatus.STALLED)
    if connection.execute(stalled).first():
        forgive_tries(connection, import_id)
        connection.execute(update(imports).where(imports.c.id == import_id).values(launches=0))


def forgive_tries(connection: Connection, import_id: int) -> None:
    """Resets the tries at parsing an import, which is locked, and those at its batches."""
    connection.execute(update(imports).where(imports.c.id == import_id).values(tries=0))
    connection.execute(update(batches).where(batches.c.import_id == import_id).values(tries=0))


def progress_of_batches(connection: Connection, import_id: int) -> int:
    """A number that grows with every step forward of an import."""
    b = batches.c
    # A later status counts more, so the sum grows with each move except reserved -> payment_processing.
    moved = b.reserved + b.payment_processing + 2 * (b.completed + b.rollback + b.failed)
    query = select(func.count() + func.coalesce(func.sum(b.loaded + b.answered + moved), 0))
    return int(connection.execute(query.where(b.import_id == import_id)).scalar_one())


def finish_import(connection: Connection, import_id: int) -> None:
    """Marks an import as finished, after checking that every order is settled.

    Raises:
        OpenOrdersError: orders of the import are not settled, or were never loaded.
    """
    lock_import(connection, import_id)
    waiting = {
        status: n for status, n in count_by_status(connection, import_id).items() if status in OPEN and n
    }
    unloaded = connection.execute(
        select(func.coalesce(func.sum(batches.c.orders - batches.c.loaded), 0)).where(
            batches.c.import_id == import_id
        )
    ).scalar_one()
    if waiting or unloaded:
        listed = ", ".join(f"{number} {status}" for status, number in waiting.items())
        raise OpenOrdersError(f"not every order is settled: {listed or 'none open'}, {unloaded} not loaded")
    last_progress = connection.execute(
        select(func.max(batches.c.progress_at)).where(batches.c.import_id == import_id)
    ).scalar_one()
    finished = connection.execute(
        update(imports)
        .where(imports.c.id == import_id, imports.c.status != ImportStatus.FINISHED)
        .values(status=ImportStatus.FINISHED, settled_at=last_progress or now_us(), dropped_at=None)
    ).rowcount
    if finished:
        record_finished(connection, import_id)


def reopen_import(connection: Connection, import_id: int) -> None:
    """Marks an import, which is locked, as running again: orders of it are open."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(
            status=ImportStatus.RUNNING,
            refused_because=None,
            settled_at=None,
            launches=0,
            reopened_at=now_us(),
        )
    )


def stall_import(connection: Connection, import_id: int, reason: str) -> None:
    """Marks a running import as stalled: it is not launched again on its own."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id, imports.c.status == ImportStatus.RUNNING)
        .values(status=ImportStatus.STALLED, refused_because=reason)
    )


def refuse_import(connection: Connection, import_id: int, code: str, reason: str) -> None:
    """Marks an import as refused."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(status=ImportStatus.REFUSED, refused_code=code, refused_because=reason, dismissed_at=None)
    )
    record_refused(connection, import_id, code, reason)
