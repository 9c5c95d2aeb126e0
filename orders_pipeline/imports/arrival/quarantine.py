"""Quarantined files: one row for each file of the inbox that cannot be imported, until it is closed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.model import EventType
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.events.recording import NewEvent, record_events
from orders_pipeline.store.schema import quarantined_files
from orders_pipeline.store.statements.upsert import insert_into

DISMISSED, RETRIED, REMOVED = "dismissed", "retried", "removed"
IS_OPEN = quarantined_files.c.closed_at.is_(None)
TIMES = ("quarantined_at", "closed_at", "retry_asked_at")


class NotInQuarantineError(LookupError):
    """No file with this id is in quarantine."""

    def __init__(self, file_id: int) -> None:
        super().__init__(f"No file in quarantine has the id {file_id}.")


@dataclass(frozen=True, slots=True)
class QuarantinedFile:
    """A file of the inbox that cannot be imported. Times are in microseconds since 1970, UTC.

    Attributes:
        file_name: its name in the inbox, printable.
        kept_as: its name in the folder `quarantine`.
        code, message, hint: why it was refused, and what to do, as in `FileRefused`.
        closed_as: `dismissed`, `retried`, or `removed` from the folder.
        partition_key: of the import that it became.
        retry_asked_at: time of the request to try it again; None after it was tried.
        retry_as: how to read it then, by option.
    """

    id: int
    file_name: str
    kept_as: str
    file_bytes: int
    code: str
    message: str
    hint: str
    quarantined_at: int
    closed_at: int | None
    closed_as: str | None
    partition_key: str | None
    retry_asked_at: int | None
    retry_as: dict[str, Any] | None

    @property
    def is_open(self) -> bool:
        """Whether the file was neither dismissed nor tried again."""
        return self.closed_at is None


def quarantine_document(file: QuarantinedFile) -> dict[str, Any]:
    """The JSON document of a quarantined file; times in UTC."""
    times = {name: _time(getattr(file, name)) for name in TIMES}
    return {**asdict(file), **times}


def list_quarantined(
    connection: Connection, limit: int, offset: int = 0, *, closed: bool = False
) -> list[QuarantinedFile]:
    """Quarantined files, newest first; with `closed`, also the closed ones."""
    query = select(quarantined_files).order_by(quarantined_files.c.id.desc()).limit(limit).offset(offset)
    return _files(connection, query if closed else query.where(IS_OPEN))


def find_quarantined(connection: Connection, ids: Collection[int]) -> list[QuarantinedFile]:
    """The quarantined files with these ids, open or closed."""
    return _files(connection, select(quarantined_files).where(quarantined_files.c.id.in_(ids)))


def require_open(connection: Connection, ids: Sequence[int]) -> list[QuarantinedFile]:
    """Returns the files with these ids.

    Raises:
        NotInQuarantineError: a file is unknown, or closed already.
    """
    found = {file.id: file for file in find_quarantined(connection, ids) if file.is_open}
    for file_id in ids:
        if file_id not in found:
            raise NotInQuarantineError(file_id)
    return list(found.values())


def first_open(connection: Connection, limit: int) -> list[QuarantinedFile]:
    """The open files that have been in quarantine for longest."""
    return _files(connection, select(quarantined_files).where(IS_OPEN).order_by("id").limit(limit))


def count_open(connection: Connection) -> int:
    """The number of open files."""
    return int(
        connection.execute(select(func.count()).select_from(quarantined_files).where(IS_OPEN)).scalar_one()
    )


def files_to_retry(connection: Connection) -> list[QuarantinedFile]:
    """Returns open files whose retry was requested, oldest first."""
    asked = quarantined_files.c.retry_asked_at.is_not(None)
    return _files(connection, select(quarantined_files).where(IS_OPEN, asked).order_by("id"))


def names_in_quarantine(connection: Connection) -> tuple[set[str], set[str]]:
    """The names in the folder of the open files, and of all files that may still be in it."""
    table = quarantined_files.c
    there = table.closed_as.is_(None) | (table.closed_as == DISMISSED)
    rows = connection.execute(select(table.kept_as, table.closed_at).where(there)).all()
    return {name for name, closed_at in rows if closed_at is None}, {name for name, _ in rows}


def add_quarantined(
    connection: Connection, file_name: str, kept_as: str, file_bytes: int, refused: FileRefused
) -> None:
    """Adds a file that was moved to quarantine, unless it is there already."""
    new = insert_into(connection, quarantined_files).values(
        file_name=file_name,
        kept_as=kept_as,
        file_bytes=file_bytes,
        code=refused.code,
        message=refused.message,
        hint=refused.hint,
        quarantined_at=now_us(),
    )
    if connection.execute(new.on_conflict_do_nothing()).rowcount:
        about = {"file": file_name, "code": refused.code, "message": refused.message, "hint": refused.hint}
        record_events(connection, EventType.FILE_QUARANTINED, [NewEvent(kept_as, about)])


def dismiss_files(connection: Connection, ids: Sequence[int], actor: str, because: str = "") -> None:
    """Closes files without importing them. They stay in the folder until retention removes them.

    Raises:
        NotInQuarantineError: a file is unknown, or closed already.
    """
    files = require_open(connection, ids)
    for file in files:
        _change(connection, file.id, closed_at=now_us(), closed_as=DISMISSED, retry_asked_at=None)
    for file in files:
        record_action(connection, actor, "quarantine.dismiss", file.file_name, id=file.id, because=because)


def ask_to_retry(connection: Connection, ids: Sequence[int], read_as: Mapping[str, Any], actor: str) -> None:
    """Asks the inbox to try files again, with these instructions by option.

    Raises:
        NotInQuarantineError: a file is unknown, or closed already.
    """
    files = require_open(connection, ids)
    for file in files:
        _change(connection, file.id, retry_asked_at=now_us(), retry_as=dict(read_as))
    for file in files:
        record_action(
            connection, actor, "quarantine.retry", file.file_name, id=file.id, read_as=dict(read_as)
        )


def close_retried(connection: Connection, file_id: int, key: str | None) -> None:
    """Closes a file that is staged now, or that was about payouts and is imported: it has no key."""
    _change(
        connection, file_id, closed_at=now_us(), closed_as=RETRIED, partition_key=key, retry_asked_at=None
    )


def refuse_again(connection: Connection, file_id: int, refused: FileRefused) -> None:
    """Notes why a file was refused again."""
    reason = {"code": refused.code, "message": refused.message, "hint": refused.hint}
    _change(connection, file_id, **reason, retry_asked_at=None)


def close_removed(connection: Connection, names: Collection[str]) -> None:
    """Closes the open files with these names in the folder, from which they are gone."""
    of_file = quarantined_files.c
    connection.execute(
        update(quarantined_files)
        .where(IS_OPEN, of_file.kept_as.in_(names))
        .values(closed_at=now_us(), closed_as=REMOVED, retry_asked_at=None)
    )


def _change(connection: Connection, file_id: int, **values: Any) -> None:
    this = (quarantined_files.c.id == file_id) & IS_OPEN
    connection.execute(update(quarantined_files).where(this).values(values))


def _files(connection: Connection, query: Any) -> list[QuarantinedFile]:
    return [QuarantinedFile(**row) for row in connection.execute(query).mappings()]


def _time(microseconds: int | None) -> str | None:
    return to_datetime(microseconds).isoformat(timespec="seconds") if microseconds is not None else None
