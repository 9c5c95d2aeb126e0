"""Backs up the order store and the files that cannot be rebuilt from it, while imports run.

A backup does not contain the warehouse, its readers' copy and the data in Redis: they are computed from the
order store. It contains the original order files of unsettled imports.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, func, inspect, select, text

from orders_pipeline.backup import postgres_dump, sqlite_copy
from orders_pipeline.backup.archive import file_exists, pack, scratch_beside
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.backup.manifest import Manifest, checksums, write_manifest
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings
from orders_pipeline.base.version import VERSION
from orders_pipeline.staging.staging import Staging, open_staging
from orders_pipeline.store.backup_rows import noting_backup
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, imports, metadata

SUFFIXES = (".tar.gz", ".tgz")
NAME = re.compile(r"orders-\d{8}T\d{6}Z\.tar\.gz")
KEY_FILE = "api.key"
UNSETTLED = [status for status in ImportStatus if status is not ImportStatus.FINISHED]


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup. `rows` is the number of rows by table."""

    file: Path
    bytes: int
    rows: dict[str, int]


def back_up(engine: Engine, settings: Settings, target: Path) -> Backup:
    """Backs up to this file if its name ends like a backup, else to a new file in this folder.

    The store records the backup, and why it failed.

    Raises:
        BackupError: the file exists already or cannot be written, or the database's tools are missing or
            fail.
    """
    file = target if target.name.endswith(SUFFIXES) else target / _new_name()
    if file.exists():
        raise file_exists(file)
    with noting_backup(engine, file.parent), _written_to(file.parent), scratch_beside(file) as folder:
        content = folder / "content"
        content.mkdir()
        manifest = _copy_store(engine, settings, content)
        write_manifest(content, manifest)
        return Backup(file, pack(content, file), manifest.rows)


@contextmanager
def _written_to(folder: Path) -> Iterator[None]:
    """Says which folder a backup could not be written to, and which file is the reason."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        message = f"The backup cannot be written to {folder}: {_why(error, folder)}"
        hint = "Check the permissions and the free space on the disk, or name another folder."
        raise BackupError("backup_not_written", message, hint) from error


def _why(error: OSError | sqlite3.OperationalError, folder: Path) -> str:
    if not isinstance(error, OSError):
        return str(error)
    file = str(error.filename2 or error.filename or folder)
    return str(error.strerror) if file == str(folder) else f"{error.strerror} ({file})"


def remove_old(newest: Path, kept: int) -> list[Path]:
    """Removes all but the newest backups of a folder. Only files named by `back_up` count.

    Args:
        newest: the backup that was just made. Names with a later time are of a clock that was ahead.
    """
    found = [path for path in newest.parent.iterdir() if NAME.fullmatch(path.name)]
    found.sort(key=lambda path: (path.name <= newest.name, path.name))
    old = found[: max(len(found) - kept, 0)]
    for path in old:
        path.unlink()
    return old


def _new_name() -> str:
    return f"orders-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"


def _copy_store(engine: Engine, settings: Settings, content: Path) -> Manifest:
    url = engine.url.render_as_string(hide_password=False)
    if engine.dialect.name == "postgresql":
        with reading(engine) as connection:
            postgres_dump.dump(connection, url, content)
            return _describe(connection, settings, content)
    sqlite_copy.copy_out(url, content)
    # Opening it as an order store would turn the write-ahead log on again.
    copy = create_engine(f"sqlite:///{content / sqlite_copy.COPY}")
    try:
        with reading(copy) as connection:
            return _describe(connection, settings, content)
    finally:
        copy.dispose()


def _describe(connection: Connection, settings: Settings, content: Path) -> Manifest:
    """Copies the other files into the snapshot, and returns the manifest of everything."""
    _copy_files(connection, settings, content)
    # A store that needs an upgrade lacks the newest tables.
    present = set(inspect(connection).get_table_names())
    counts = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in metadata.tables.items()
        if name in present
    }
    return Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=VERSION,
        database=connection.dialect.name,
        revision=connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one(),
        token=connection.execute(select(home.c.token)).scalar_one(),
        rows=counts,
        files=checksums(content),
    )


def _copy_files(connection: Connection, settings: Settings, content: Path) -> None:
    staging = open_staging(settings)
    unsettled = select(imports.c.partition_key, imports.c.identified).where(imports.c.status.in_(UNSETTLED))
    for key, identified in connection.execute(unsettled):
        # If the file is missing, its import asks for it, with or without a restore.
        with suppress(FileRefused):
            _copy_staged(staging, key, identified.get("companion") or "", content / "staging" / key)
    key_file = settings.home / "run" / KEY_FILE
    if key_file.exists():
        shutil.copy2(key_file, content / KEY_FILE)


def _copy_staged(staging: Staging, key: str, companion: str, target: Path) -> None:
    with staging.original(key) as original, staging.companion(key, companion) as second:
        target.mkdir(parents=True)
        shutil.copy2(original, target / "original")
        if second:
            (target / "companion").mkdir()
            shutil.copy2(second, target / "companion" / second.name)
