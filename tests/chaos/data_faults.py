"""Faults of files on the disk: figures, the inbox, and backups and restores that are killed."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cli.stack.stack import start_all, stop_all
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import warehouse_file
from orders_pipeline.store.leftovers import RESTORING, SCRATCH
from tests.chaos.home import ChaosHome
from tests.chaos.process_faults import command_killed
from tests.made_up.hostile_files import HostileFiles

HOSTILE_FILES = 20
LOOK_SECONDS = 0.01
WORKS_FOR_SECONDS = 0.3


def published_figures_removed(home: ChaosHome, draw: random.Random) -> bool:
    """Removes or truncates a file of one table."""
    parts = sorted(home.settings.warehouse.glob("*/*/*.parquet"))
    if parts:
        draw.choice((_remove, _cut))(draw.choice(parts))
    return bool(parts)


def warehouse_removed(home: ChaosHome, draw: random.Random) -> bool:
    """Removes or truncates the DuckDB file, or replaces it with a folder."""
    file = warehouse_file(home.settings.warehouse)
    if not file.is_file():
        return False
    draw.choice((_remove, _cut, _make_a_folder))(file)
    return True


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)


def _cut(file: Path) -> None:
    if file.exists():
        with file.open("r+b") as target:
            target.truncate(file.stat().st_size // 2)


def _make_a_folder(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()


def hostile_files_dropped(home: ChaosHome, draw: random.Random) -> bool:
    """Puts unreadable files into the inbox, which must end up in quarantine, and good files after them."""
    inbox = home.settings.inbox_folder
    inbox.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        HostileFiles(inbox, Path(folder) / "elsewhere", draw).make(HOSTILE_FILES)
    return True


def backup_killed(home: ChaosHome, draw: random.Random) -> bool:
    """Kills a backup while it copies the store."""
    folder = _backups(home)
    return _kill_at_work(home, draw, lambda: any(folder.glob(f"{SCRATCH}*")), "backup", str(folder))


def restore_killed(home: ChaosHome, draw: random.Random) -> bool:
    """Kills a restore of a backup that was made without a running stack; then restores again."""
    with home.in_use:
        command_killed(home, draw)
        stop_all(home.settings)
        home.engine.dispose()
        file = _backups(home) / f"{draw.random()}.tar.gz"
        home.command("backup", str(file))
        restore = ("restore", str(file), "--replace")
        killed = _kill_at_work(home, draw, lambda: _is_restoring(home), *restore)
        result = home.command(*restore)
        home.engine.dispose()
        file.unlink()
        start_all(home.settings)
        if not result["ok"]:
            raise RuntimeError(f"the restore does not verify: {result['checks']}")
        return killed


def _backups(home: ChaosHome) -> Path:
    folder = home.settings.home.with_name("backups")
    folder.mkdir(exist_ok=True)
    return folder


def _is_restoring(home: ChaosHome) -> bool:
    folder = home.settings.home
    return any(folder.glob(f"{SCRATCH}*")) or any(folder.glob(f"*.{RESTORING}*"))


def _kill_at_work(home: ChaosHome, draw: random.Random, at_work: Callable[[], bool], *command: str) -> bool:
    """Kills a command a moment after its work began; returns whether it was killed before the work ended."""
    process = home.start_command(*command)
    while not at_work() and process.poll() is None:
        time.sleep(LOOK_SECONDS)
    time.sleep(draw.uniform(0, WORKS_FOR_SECONDS))
    killed = process.poll() is None
    process.kill()
    process.wait()
    return killed and at_work()


def tidy_backups(home: ChaosHome) -> list[str]:
    """Makes a good backup after the killed ones, and removes it; returns what went wrong."""
    folder = _backups(home)
    made = home.command("backup", str(folder))
    shutil.rmtree(folder)
    return [] if made["rows"]["orders"] else ["a backup has no orders"]
