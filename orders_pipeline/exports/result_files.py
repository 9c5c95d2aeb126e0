"""Writes the results of finished imports to the outbox, and again as a new version when an outcome changes.

`result_files` says which version of a file was written last. A version is planned in the store before its
file is put: after a crash, the same results get the same name again. Other results get it only if no file
had it yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, or_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.exports.formats.file_format import FileFormat, write_table
from orders_pipeline.exports.outbox import Outbox, OutboxUnavailable
from orders_pipeline.exports.results import RESULTS, result_rows
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.imports.state.status import lock_import
from orders_pipeline.staging.remote_area import scratch_folder
from orders_pipeline.staging.staging import hash_file
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import imports, result_changes, result_files
from orders_pipeline.store.statements.upsert import insert_into

FORMAT = FileFormat.CSV
TRIED_AGAIN_AFTER_US = 5 * 60_000_000


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome: names of new files, and the reason if the outbox failed."""

    names: list[str] = field(default_factory=list)
    failure: str | None = None


class _Seen(NamedTuple):
    """The results of an import as they were read: what they were made of, and their checksum."""

    import_id: int
    settled_at: int | None
    changes: Sequence[int]
    digest: str


def any_due(connection: Connection) -> bool:
    """Whether results have to be written now. An outbox that failed is tried again after a while."""
    failed_lately = exists().where(result_files.c.failed_at > now_us() - TRIED_AGAIN_AFTER_US)
    due = select(imports.c.id).where(_is_due(), ~failed_lately).limit(1)
    return connection.execute(due).first() is not None


def write_due_results(engine: Engine, outbox: Outbox, scratch: Path) -> Written:
    """Writes the results of all imports that are due, oldest first, until the outbox fails.

    Args:
        scratch: folder for files in transit.
    """
    with reading(engine) as connection:
        due = connection.execute(
            select(imports.c.id, imports.c.partition_key).where(_is_due()).order_by(imports.c.id)
        ).all()
    written = Written()
    for import_id, key in due:
        try:
            name = _write(engine, outbox, scratch, key)
        except FileRefused:
            continue  # its rejects were removed meanwhile: it is no longer due
        except OutboxUnavailable as failed:
            _note_failure(engine, import_id, printable_line(str(failed)))
            return Written(written.names, str(failed))
        written.names.extend([name] if name else [])
    return written


def _is_due() -> ColumnElement[bool]:
    """Condition over `imports`: its results are whole, and are not in the outbox as they are now."""
    i, file = imports.c, result_files.c
    as_settled = file.settled_at.is_not_distinct_from(i.settled_at)
    current = exists().where(file.import_id == i.id, file.written, file.error.is_(None), as_settled)
    changed = exists().where(result_changes.c.import_id == i.id)
    finished = (i.status == ImportStatus.FINISHED) & i.rejects_removed_at.is_(None)
    return finished & or_(~current.correlate(imports), changed.correlate(imports))


def _write(engine: Engine, outbox: Outbox, scratch: Path, key: str) -> str | None:
    """Writes the results of an import, unless the last version has the same; the name of the file."""
    with scratch_folder(scratch) as folder:
        made = folder / "results"
        seen = _read(engine, key, made)
        before = _last(engine, seen.import_id)
        if before and before.digest == seen.digest and before.written:
            _note(engine, seen, before.version, written=True)
            return None
        version = before.version if before else 1
        if before and before.digest != seen.digest and (before.written or outbox.has(_name(key, version))):
            version += 1
        _note(engine, seen, version, written=False)
        outbox.put(made, _name(key, version))
        _note(engine, seen, version, written=True)
        return _name(key, version)


def _name(key: str, version: int) -> str:
    return f"{key}.{FORMAT}" if version == 1 else f"{key}.v{version}.{FORMAT}"


def _read(engine: Engine, key: str, target: Path) -> _Seen:
    with reading(engine) as connection:
        found = get_import(connection, key)
        noted = select(result_changes.c.id).where(result_changes.c.import_id == found.id)
        changes = connection.execute(noted).scalars().all()
        with target.open("wb") as file:
            write_table(file, FORMAT, RESULTS, result_rows(connection, found))
    return _Seen(found.id, found.settled_at, changes, hash_file(target))


class _Last(NamedTuple):
    version: int
    digest: str
    written: bool


def _last(engine: Engine, import_id: int) -> _Last | None:
    file = result_files.c
    query = select(file.version, file.digest, file.written).where(file.import_id == import_id)
    with reading(engine) as connection:
        row = connection.execute(query.where(file.digest.is_not(None))).one_or_none()
    return _Last(*row) if row else None


def _note(engine: Engine, seen: _Seen, version: int, *, written: bool) -> None:
    """Notes a version as planned, or as written."""
    values = {
        "version": version,
        "digest": seen.digest,
        "settled_at": seen.settled_at,
        "written": written,
        "error": None,
        "failed_at": None,
    }
    with engine.begin() as connection:
        lock_import(connection, seen.import_id)
        _upsert(connection, seen.import_id, values)
        if written:
            gone = result_changes.c.id.in_(seen.changes)
            connection.execute(delete(result_changes).where(gone))


def _note_failure(engine: Engine, import_id: int, reason: str) -> None:
    with engine.begin() as connection:
        lock_import(connection, import_id)
        _upsert(connection, import_id, {"error": reason, "failed_at": now_us()})


def _upsert(connection: Connection, import_id: int, values: dict[str, Any]) -> None:
    statement = insert_into(connection, result_files).values(import_id=import_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["import_id"], set_=values))
