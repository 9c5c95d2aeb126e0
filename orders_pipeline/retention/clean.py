"""Applies the retention rules of a home; orders, payments and failures are never removed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.base.settings import Settings
from orders_pipeline.retention.events import remove_events
from orders_pipeline.retention.imports import remove_batches, remove_originals, remove_rejects
from orders_pipeline.retention.notifications import remove_notifications
from orders_pipeline.retention.payouts import remove_payout_rejects
from orders_pipeline.retention.removed import Removed
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.leftovers import abandoned_copies, abandoned_stores, remove_all, replaced_stores

DAY_SECONDS = 86_400
# No copy of a file takes longer than this.
LEFT_OVER_DAYS = 1


def clean_stores(engine: Engine, settings: Settings, actor: str, *, dry: bool) -> list[Removed]:
    """Removes data that is older than the settings allow; with `dry`, only counts it."""
    removed = [*_of_imports(engine, settings, dry=dry), *_of_folders(settings, dry=dry)]
    note_removed(engine, actor, removed, dry=dry)
    return removed


def note_removed(engine: Engine, actor: str, removed: Iterable[Removed], *, dry: bool) -> None:
    """Records in the audit log what was removed, if anything was."""
    numbers = {one.what: one.number for one in removed if one.number}
    if numbers and not dry:
        with engine.begin() as connection:
            record_action(connection, actor, "retention.clean", removed=numbers)


def _of_imports(engine: Engine, settings: Settings, *, dry: bool) -> Iterator[Removed]:
    staging = open_staging(settings)
    if days := settings.keep_batches_days:
        yield Removed("batches", remove_batches(engine, staging, _before(days), dry=dry), days)
    if days := settings.keep_originals_days:
        yield Removed("originals", remove_originals(engine, staging, _before(days), dry=dry), days)
    if days := settings.keep_rejects_days:
        yield Removed("rejects", remove_rejects(engine, _before(days), dry=dry), days)
        yield Removed("payout_rejects", remove_payout_rejects(engine, _before(days), dry=dry), days)
    if days := settings.keep_events_days:
        yield Removed("events", remove_events(engine, _before(days), dry=dry), days)
    if days := settings.keep_notifications_days:
        yield Removed("notifications", remove_notifications(engine, _before(days), dry=dry), days)


def _of_folders(settings: Settings, *, dry: bool) -> Iterator[Removed]:
    if days := settings.keep_originals_days:
        removed = Inbox(settings.inbox_folder).remove_put_aside(_seconds_before(days), dry=dry)
        yield Removed("inbox_files", removed, days)
    yield Removed("unfinished_copies", _delete(_incoming(settings), dry=dry), LEFT_OVER_DAYS)
    yield Removed("unfinished_backups", _delete(_abandoned(settings), dry=dry), LEFT_OVER_DAYS)
    if days := settings.keep_replaced_days:
        replaced = replaced_stores(settings.store_url, _seconds_before(days))
        yield Removed("replaced_stores", _delete(replaced, dry=dry), days)


def _incoming(settings: Settings) -> Iterator[Path]:
    """Yields incomplete copies that killed processes left in the staging area."""
    for path in open_staging(settings).folder.glob(".incoming-*"):
        if path.lstat().st_ctime < _seconds_before(LEFT_OVER_DAYS):
            yield path


def _abandoned(settings: Settings) -> Iterator[Path]:
    """Yields what killed backups and restores left."""
    for folder in {settings.home, settings.backup_folder or settings.home}:
        yield from abandoned_copies(folder)
    yield from abandoned_stores(settings.store_url)


def _delete(paths: Iterable[Path], *, dry: bool) -> int:
    found = list(paths)
    if not dry:
        remove_all(found)
    return len(found)


def _before(days: int) -> int:
    return now_us() - duration_us(timedelta(days=days))


def _seconds_before(days: int) -> float:
    return time.time() - days * DAY_SECONDS
