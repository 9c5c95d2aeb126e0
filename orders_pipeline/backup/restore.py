"""Restores a backup into a home, and rebuilds the data computed from the order store."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, func, inspect, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.access.sessions import end_all_sessions
from orders_pipeline.backup import postgres_dump, sqlite_copy
from orders_pipeline.backup.archive import scratch_beside, unpack
from orders_pipeline.backup.backup import KEY_FILE
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.backup.manifest import Manifest, read_manifest
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.publisher import take_over
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.figures.tables.postgresql_schema import drop_tables
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.backup_rows import note_restored
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.known_store import forget_store
from orders_pipeline.store.leftovers import MOMENT, REPLACED
from orders_pipeline.store.migrate import upgrade
from orders_pipeline.store.revisions import OURS, revision_of
from orders_pipeline.store.schema import home, imports, metadata, products

HOLDING = (imports, products)


@dataclass(frozen=True, slots=True)
class Restored:
    """A finished restore. `put_aside` is the path of the previous store."""

    manifest: Manifest
    put_aside: Path | None


def restore(archive: Path, settings: Settings, *, replace: bool, actor: str) -> Restored:
    """Restores a backup as the order store of these settings. No process of the home may run during this.

    Args:
        replace: whether to replace a store that holds data.

    Raises:
        BackupError: the backup does not fit or is damaged, or the home is in use.
    """
    with _unpacked(archive, settings.home) as folder:
        manifest = read_manifest(folder)
        with _engine(settings.store_url) as engine:
            _require_fitting(manifest, engine, replace=replace)
            forget_store(engine, settings.home)
        # Files come before the store: its imports need them, and nothing else uses them.
        _put_back_files(settings, folder)
        put_aside = _put_back(settings, folder, partial(_finish, manifest, settings.warehouse, actor))
    return Restored(manifest, put_aside)


def rebuild_figures(engine: Engine, settings: Settings, redis_url: str) -> int:
    """Rebuilds the warehouse and all figures in Redis. Returns the number of KPI days."""
    with open_figures(engine, settings.warehouse, redis_url, settings.currency, settings.zone) as figures:
        days = figures.refresh_dirty_days()
        for board in Board:
            figures.boards.rebuild_all(board)
        figures.live.publish()
    return len({day.day for day in days})


@contextmanager
def _unpacked(archive: Path, home_folder: Path) -> Iterator[Path]:
    make_home(home_folder)
    with scratch_beside(home_folder / "backup") as folder:
        unpack(archive, folder)
        yield folder


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _require_fitting(manifest: Manifest, engine: Engine, *, replace: bool) -> None:
    if manifest.database != engine.dialect.name:
        raise BackupError(
            "other_database",
            f"The backup is of a {manifest.database} store, ORDERS_DATABASE_URL names {engine.dialect.name}.",
            "Restore it into a database of the same kind.",
        )
    if manifest.revision not in OURS.known():
        raise BackupError(
            "unknown_revision",
            f"The backup's tables have the revision {manifest.revision}, which this version does not know.",
            f"It was made by version {manifest.version}; restore it with that version or a later one.",
        )
    _require_room(manifest, engine, replace=replace)


def _require_room(manifest: Manifest, engine: Engine, *, replace: bool) -> None:
    if not replace and _holds_something(engine):
        raise BackupError(
            "home_not_empty",
            "The order store holds imports or products already.",
            "Restore into an empty ORDERS_HOME or database, or use --replace.",
        )
    if engine.dialect.name != "postgresql":
        return
    present = revision_of(engine)
    if present not in (None, manifest.revision):
        raise BackupError(
            "other_revision",
            f"The database has tables of the revision {present}, the backup {manifest.revision}.",
            "Restore into an empty database.",
        )
    postgres_dump.require_no_other_users(engine)


def _holds_something(engine: Engine) -> bool:
    with reading(engine) as connection:
        found = inspect(connection).get_table_names()
        return any(
            connection.execute(select(table).limit(1)).first() for table in HOLDING if table.name in found
        )


def _put_back(settings: Settings, folder: Path, finish: Callable[[Engine], None]) -> Path | None:
    if (folder / postgres_dump.DUMP).exists():
        with _engine(settings.store_url) as engine, engine.begin() as connection:
            # They read the tables that are replaced.
            drop_tables(connection)
        postgres_dump.put_back(settings.store_url, folder)
        with _engine(settings.store_url) as engine:
            finish(engine)
        return None
    sqlite_copy.require_sound(folder)
    # Done on the copy: once it is the store, no step is left that a kill could interrupt.
    with _engine(sqlite_copy.url_of_copy(folder)) as engine:
        finish(engine)
    return sqlite_copy.put_back(settings.store_url, folder, f"{REPLACED}{datetime.now(UTC):{MOMENT}}")


def _finish(manifest: Manifest, warehouse: Path, actor: str, engine: Engine) -> None:
    _require_same_rows(engine, manifest)
    upgrade(engine)
    _make_it_another(engine, manifest, warehouse, actor)


def _require_same_rows(engine: Engine, manifest: Manifest) -> None:
    with reading(engine) as connection:
        for name, number in manifest.rows.items():
            table = metadata.tables.get(name)
            if table is None:
                continue
            found = connection.execute(select(func.count()).select_from(table)).scalar_one()
            if found != number:
                raise BackupError("restore_incomplete", f"{name} has {found} rows, the backup {number}.")


def _make_it_another(engine: Engine, manifest: Manifest, warehouse: Path, actor: str) -> None:
    # With a new token, no data computed after the backup is mistaken for data of this store. With the time of
    # the restore, charging looks up what was charged after the backup, by the tag of the former token.
    with engine.begin() as connection:
        kept = func.coalesce(home.c.provider_tag, home.c.token)
        new = {"token": secrets.token_hex(8), "provider_tag": kept, "restored_at": now_us()}
        connection.execute(update(home).values(new))
        take_over(connection, warehouse)
        # A session that has ended since the backup must not come back.
        end_all_sessions(connection)
        note_restored(connection, _microseconds(manifest.made_at))
        record_action(connection, actor, "store.restore", manifest.made_at)


def _microseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1_000_000)


def _put_back_files(settings: Settings, folder: Path) -> None:
    staging = open_staging(settings)
    for kept in sorted((folder / "staging").glob("*")):
        staging.put_back(kept.name, kept)
    key, target = folder / KEY_FILE, settings.home / "run" / KEY_FILE
    if key.exists() and not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(key, target)
