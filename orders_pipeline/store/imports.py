"""Imports: one row a staged order file, its batches, its rejects, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from orders_pipeline.clock import now_us
from orders_pipeline.importing.jsonable import to_json
from orders_pipeline.importing.options import ParseRules
from orders_pipeline.importing.parsed import ParsedFile
from orders_pipeline.model import OPEN, ImportStatus, OrderStatus, Window
from orders_pipeline.staging import StagedFile
from orders_pipeline.store.rejects import keep_rejects
from orders_pipeline.store.schema import batches, home, imports, orders, sources
from orders_pipeline.store.upsert import insert_into


class UnknownPartitionError(LookupError):
    """No file was staged under this partition key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no order file is staged as {key!r}; stage it with `orders stage FILE`")


@dataclass(frozen=True, slots=True)
class Import:
    """The import of one order file. Times in microseconds since 1970, UTC.

    `identified` is how the file is read, `parsed` what parsing found out and the rules that it applied, once
    it is known; `max_rejects` a count or a share of bad lines above which the file is refused. Rejects that
    were too old to be kept are counted by code in `removed_rejects`.
    """

    id: int
    key: str
    file_name: str
    profile: str
    source: str
    identified: dict[str, Any]
    status: ImportStatus
    run_id: str | None
    started_at: int | None
    settled_at: int | None
    refused_because: str | None
    run_beat_at: int | None
    work_beat_at: int | None
    launches: int
    records: int
    rejected_lines: int
    lines_of_rejected_orders: int
    rejected_orders: int
    file_sha256: str = ""
    refused_code: str | None = None
    parsed: dict[str, Any] | None = None
    max_rejects: str | None = None
    reopened_at: int | None = None
    rejects_removed_at: int | None = None
    removed_rejects: dict[str, int] | None = None


class OpenOrdersError(RuntimeError):
    """An import that was to be finished has orders that are not settled."""


def add_import(
    connection: Connection,
    staged: StagedFile,
    profile: str,
    source: str,
    identified: dict[str, Any],
    max_rejects: str | None = None,
) -> Import:
    """Notes a staged file, or finds it noted already; what is said now counts until it is parsed."""
    if find_import(connection, staged.key) is None:
        new = insert_into(connection, imports).values(
            partition_key=staged.key,
            file_name=staged.name,
            file_sha256=staged.sha256,
            file_bytes=staged.bytes,
            profile=profile,
            source_id=_source_id(connection, source),
            identified=identified,
            status=ImportStatus.STAGED,
            staged_at=now_us(),
        )
        connection.execute(new.on_conflict_do_nothing())
    found = get_import(connection, staged.key)
    connection.execute(update(imports).where(imports.c.id == found.id).values(original_removed_at=None))
    if is_parsed(found):
        return found
    return read_as(connection, found, profile, source, identified, max_rejects)


def read_as(
    connection: Connection,
    found: Import,
    profile: str,
    source: str,
    identified: dict[str, Any],
    max_rejects: str | None,
) -> Import:
    """Notes how a file that is not parsed yet is to be read."""
    values = {
        "profile": profile,
        "source_id": _source_id(connection, source),
        "identified": identified,
        "max_rejects": max_rejects,
    }
    not_parsed = (imports.c.id == found.id) & (imports.c.records == 0)
    connection.execute(update(imports).where(not_parsed).values(values))
    return get_import(connection, found.key)


def _source_id(connection: Connection, name: str) -> int:
    query = select(sources.c.id).where(sources.c.name == name)
    known: int | None = connection.execute(query).scalar_one_or_none()
    if known is None:
        connection.execute(insert_into(connection, sources).values(name=name).on_conflict_do_nothing())
        known = connection.execute(query).scalar_one()
    return known


def get_import(connection: Connection, key: str) -> Import:
    """The import of a partition key.

    Raises:
        UnknownPartitionError: nothing was staged under it.
    """
    found = find_import(connection, key)
    if found is None:
        raise UnknownPartitionError(key)
    return found


def find_import(connection: Connection, key: str) -> Import | None:
    """The import of a partition key, if there is one."""
    row = connection.execute(_imports().where(imports.c.partition_key == key)).one_or_none()
    return _import(row) if row else None


def list_imports(connection: Connection, limit: int) -> list[Import]:
    """The newest imports first."""
    return [_import(row) for row in connection.execute(_imports().order_by(imports.c.id.desc()).limit(limit))]


def _imports() -> Any:
    return select(imports, sources.c.name.label("source")).join(sources)


def _import(row: Row[Any]) -> Import:
    values = row._mapping
    names = [name for name in Import.__dataclass_fields__ if name not in {"key", "status"}]
    return Import(
        key=values["partition_key"],
        status=ImportStatus(values["status"]),
        **{name: values[name] for name in names},
    )


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


def is_new(found: Import) -> bool:
    """Whether no run has begun with a file, or it was refused when one did."""
    return found.status in (ImportStatus.STAGED, ImportStatus.REFUSED)


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


def register_parsed(
    connection: Connection, import_id: int, parsed: ParsedFile, rules: ParseRules, found: Iterable[Path]
) -> bool:
    """Gives the orders of a parsed file their ids and keeps its rejects; False where another try came first.

    Args:
        found: Parquet files of rejects, as for `keep_rejects`.
    """
    noted = select(imports.c.records, imports.c.source_id).where(imports.c.id == import_id).with_for_update()
    records, source_id = connection.execute(noted).one()
    if records:
        return False
    first_id = _take_ids(connection, sum(batch.orders for batch in parsed.batches))
    for batch in parsed.batches:
        connection.execute(
            insert(batches).values(
                import_id=import_id,
                number=batch.number,
                source_id=source_id,
                first_order_id=first_id,
                orders=batch.orders,
                lines=batch.lines,
                progress_at=now_us(),
            )
        )
        first_id += batch.orders
    keep_rejects(connection, import_id, found)
    note_parsed(connection, import_id, parsed, rules)
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(
            records=parsed.records,
            rejected_lines=parsed.rejected_lines,
            lines_of_rejected_orders=parsed.lines_of_rejected_orders,
            rejected_orders=parsed.orders_rejected,
        )
    )
    return True


def is_parsed(found: Import) -> bool:
    """Whether a file's batches and rejects are in the store; one without records has none."""
    return found.records > 0


def _take_ids(connection: Connection, count: int) -> int:
    taken = update(home).values(next_order_id=home.c.next_order_id + count).returning(home.c.next_order_id)
    return int(connection.execute(taken).scalar_one()) - count


def note_parsed(connection: Connection, import_id: int, parsed: ParsedFile, rules: ParseRules) -> None:
    """Keeps what parsing found out, and the rules that it applied."""
    noted = {**to_json(parsed), "rules": to_json(rules)}
    connection.execute(update(imports).where(imports.c.id == import_id).values(parsed=noted))


def batches_to_load(connection: Connection, import_id: int) -> list[int]:
    """The numbers of the batches that are not read to their end."""
    query = select(batches.c.number).where(
        batches.c.import_id == import_id, batches.c.loaded < batches.c.orders
    )
    return list(connection.execute(query.order_by(batches.c.number)).scalars())


def batch_numbers(connection: Connection, import_id: int) -> list[int]:
    """The numbers of an import's batches; none before it is parsed."""
    query = select(batches.c.number).where(batches.c.import_id == import_id).order_by(batches.c.number)
    return list(connection.execute(query).scalars())


def order_ids(connection: Connection, import_id: int) -> Window | None:
    """The range of ids that an import's orders have, or None where it has none."""
    last = func.max(batches.c.first_order_id + batches.c.orders - 1)
    query = select(func.min(batches.c.first_order_id), last).where(batches.c.import_id == import_id)
    first_id, last_id = connection.execute(query).one()
    return Window(first_id, last_id) if first_id is not None else None


def count_by_status(connection: Connection, import_id: int) -> dict[OrderStatus, int]:
    """How many of an import's orders stand where, counted row by row."""
    counts = dict.fromkeys(OrderStatus, 0)
    window = order_ids(connection, import_id)
    if window:
        query = (
            select(orders.c.status, func.count())
            .where(orders.c.id.between(window.first, window.last))
            .group_by(orders.c.status)
        )
        counts |= {OrderStatus(status): number for status, number in connection.execute(query)}
    return counts


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


def imports_in(connection: Connection, status: ImportStatus) -> list[Import]:
    """Imports of this status, the oldest first."""
    query = _imports().where(imports.c.status == status).order_by(imports.c.id)
    return [_import(row) for row in connection.execute(query)]


def refuse_import(connection: Connection, import_id: int, code: str, reason: str) -> None:
    """Notes why a file was refused as a whole."""
    connection.execute(
        update(imports)
        .where(imports.c.id == import_id)
        .values(status=ImportStatus.REFUSED, refused_code=code, refused_because=reason)
    )


def seconds_to_settle(found: Import) -> float:
    """From the start of an import's first run to its last order settled; 0 while it is not finished."""
    if found.started_at is None or found.settled_at is None:
        return 0.0
    return (found.settled_at - found.started_at) / 1_000_000
