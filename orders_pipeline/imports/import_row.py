"""Imports: one row for each staged order file, with how it is read and what its import did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.store.schema import imports, sources


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
    left_out_lines: int = 0
    repeated_lines: int = 0
    returns: int = 0
    return_lines: int = 0
    duplicate_returns: int = 0
    duplicate_return_lines: int = 0
    refused_returns: int = 0
    refused_return_lines: int = 0
    file_sha256: str = ""
    refused_code: str | None = None
    parsed: dict[str, Any] | None = None
    max_rejects: str | None = None
    reopened_at: int | None = None
    rejects_removed_at: int | None = None
    removed_rejects: dict[str, int] | None = None
    file_bytes: int = 0
    staged_at: int = 0
    dismissed_at: int | None = None

    @property
    def awaits_run(self) -> bool:
        """Whether no run has begun the import, or none since its orders were reopened."""
        return self.launches == 0


def get_import(connection: Connection, key: str) -> Import:
    """The import of a partition key.

    Raises:
        UnknownPartitionError: nothing was staged under it.
    """
    found = find_import(connection, key)
    if found is None:
        raise UnknownPartitionError(key)
    return found


def import_id(connection: Connection, key: str) -> int:
    """The id of the import of a partition key.

    Raises:
        UnknownPartitionError: nothing was staged under it.
    """
    found = connection.execute(select(imports.c.id).where(imports.c.partition_key == key)).scalar()
    if found is None:
        raise UnknownPartitionError(key)
    return int(found)


def find_import(connection: Connection, key: str) -> Import | None:
    """The import of a partition key, if there is one."""
    row = connection.execute(_imports().where(imports.c.partition_key == key)).one_or_none()
    return _import(row) if row else None


def list_imports(
    connection: Connection, limit: int, status: ImportStatus | None = None, before: int | None = None
) -> list[Import]:
    """Imports, newest first.

    Args:
        status: only those with it.
        before: the id of an import; only older ones.
    """
    query = _imports().order_by(imports.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(imports.c.status == status)
    if before is not None:
        query = query.where(imports.c.id < before)
    return [_import(row) for row in connection.execute(query)]


def count_imports(connection: Connection) -> dict[str, int]:
    """The number of imports by status."""
    counted = select(imports.c.status, func.count()).group_by(imports.c.status)
    found: dict[str, int] = dict(connection.execute(counted).all())
    return {status.value: found.get(status, 0) for status in ImportStatus}


def imports_in(connection: Connection, status: ImportStatus) -> list[Import]:
    """Imports with this status, oldest first."""
    query = _imports().where(imports.c.status == status).order_by(imports.c.id)
    return [_import(row) for row in connection.execute(query)]


def imports_to_watch(connection: Connection, keys: Collection[str], *, new_too: bool) -> list[Import]:
    """Running imports, and new ones that already had a run or whose keys are given, oldest first.

    Args:
        new_too: whether new imports are wanted.
    """
    wanted = imports.c.status == ImportStatus.RUNNING
    if new_too:
        begun = imports.c.run_id.is_not(None) | imports.c.partition_key.in_(keys)
        wanted |= (imports.c.status == ImportStatus.STAGED) & begun
    return [_import(row) for row in connection.execute(_imports().where(wanted).order_by(imports.c.id))]


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


def is_new(found: Import) -> bool:
    """Whether no run has begun to import the file, or the run refused it."""
    return found.status in (ImportStatus.STAGED, ImportStatus.REFUSED)


def is_parsed(found: Import) -> bool:
    """Whether a file's batches and rejects are in the store. A file without records has none."""
    return found.records > 0


def seconds_to_settle(found: Import) -> float:
    """Seconds from the start of the first run to the last order settled; 0 until the import is finished."""
    if found.started_at is None or found.settled_at is None:
        return 0.0
    return (found.settled_at - found.started_at) / 1_000_000


def search_imports(connection: Connection, text: str, limit: int) -> list[Import]:
    """Imports whose file name or partition key contains a text, without case, newest first."""
    columns = (imports.c.file_name, imports.c.partition_key)
    found = or_(*(column.icontains(text, autoescape=True) for column in columns))
    query = _imports().where(found).order_by(imports.c.id.desc()).limit(limit)
    return [_import(row) for row in connection.execute(query)]
