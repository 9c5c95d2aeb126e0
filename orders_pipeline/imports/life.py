"""The life of an import: launched, turned away, refused, stalled, finished and opened again."""

from __future__ import annotations

from sqlalchemy import Connection, case, func, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import OPEN, ImportStatus
from orders_pipeline.imports.parsed_batches import count_by_status
from orders_pipeline.store.schema import batches, imports


class OpenOrdersError(RuntimeError):
    """An import that was to be finished has orders that are not settled."""


def lock_import(connection: Connection, import_id: int) -> None:
    """Keeps others from beginning, ending or reopening an import until this transaction ends.

    Whoever also locks batches of it locks the import first.
    """
    connection.execute(select(imports.c.id).where(imports.c.id == import_id).with_for_update())


def start_import(connection: Connection, import_id: int, run_id: str) -> None:
    """Notes the run that works on an import now; a second launch without progress in between is counted.

    An import that is finished stays so: a run of it has nothing to do.
    """
    lock_import(connection, import_id)
    _forgive_batches_of_stalled(connection, import_id)
    progress = progress_of_batches(connection, import_id)
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
            run_beat_at=now,
            work_beat_at=now,
            launches=case(
                (imports.c.run_id == run_id, imports.c.launches),
                (brought_nothing, imports.c.launches + 1),
                else_=1,
            ),
            progress_seen=progress,
        )
    )


def turn_away(connection: Connection, import_id: int, run_id: str) -> None:
    """Notes the run of a file that waits for the intake: the watchdog launches it once that is resumed."""
    waits = {"run_id": run_id, "status": ImportStatus.STAGED, "refused_because": None, "refused_code": None}
    connection.execute(update(imports).where(imports.c.id == import_id).values(waits))


def _forgive_batches_of_stalled(connection: Connection, import_id: int) -> None:
    # Somebody has looked at it: the next launch starts with a clean slate.
    stalled = select(imports.c.id).where(imports.c.id == import_id, imports.c.status == ImportStatus.STALLED)
    if connection.execute(stalled).first():
        forgive_batches(connection, import_id)
        connection.execute(update(imports).where(imports.c.id == import_id).values(launches=0))


def forgive_batches(connection: Connection, import_id: int) -> None:
    """Forgets how often the batches of an import, locked before, took their worker down."""
    connection.execute(update(batches).where(batches.c.import_id == import_id).values(tries=0))


def progress_of_batches(connection: Connection, import_id: int) -> int:
    """A number that grows with whatever an import achieves."""
    b = batches.c
    # An order that moves on counts more where it then stands, and one in payment as much as before.
    moved = b.reserved + b.payment_processing + 2 * (b.completed + b.rollback + b.failed)
    query = select(func.count() + func.coalesce(func.sum(b.loaded + b.answered + moved), 0))
    return int(connection.execute(query.where(b.import_id == import_id)).scalar_one())


def finish_import(connection: Connection, import_id: int) -> None:
    """Notes that every order of an import is settled.

    Raises:
        OpenOrdersError: the store shows orders of it that are not, or lines that were never loaded.
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
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id, imports.c.status != ImportStatus.FINISHED)
        .values(status=ImportStatus.FINISHED, settled_at=last_progress or now_us())
    )


def reopen_import(connection: Connection, import_id: int) -> None:
    """Makes an import, locked before, one that is at work again: orders of it are open once more."""
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
    """Notes why an import is not launched again by itself."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id, imports.c.status == ImportStatus.RUNNING)
        .values(status=ImportStatus.STALLED, refused_because=reason)
    )


def refuse_import(connection: Connection, import_id: int, code: str, reason: str) -> None:
    """Notes why a file was refused as a whole."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(status=ImportStatus.REFUSED, refused_code=code, refused_because=reason)
    )
