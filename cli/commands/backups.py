"""`orders backup` and `orders restore`: back up the order store and restore it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.commands.verifying import checks_as_json, show_checks
from cli.context import actor, open_store
from cli.output import JsonOption, command, emit, page, progress
from cli.stack.stack import kept_stopped, running_redis
from orders_pipeline.access.audit import record_action
from orders_pipeline.backup.backup import Backup, back_up
from orders_pipeline.backup.restore import Restored, rebuild_figures
from orders_pipeline.backup.restore import restore as put_back
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.imports.import_row import list_imports
from orders_pipeline.store.engine import reading
from orders_pipeline.store.revisions import is_outdated, revision_of
from orders_pipeline.verify.check import Check
from orders_pipeline.verify.everything import verify_home

MOST_PARTITIONS = 1_000_000


@command
def backup(
    target: Annotated[
        Path, typer.Argument(help="Folder for the backup, or a file name that ends in .tar.gz.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Back up a consistent snapshot of the order store. Imports can continue meanwhile."""
    settings = load_settings()
    with open_store(settings, older=True) as engine:
        made = back_up(engine, settings, target)
        if not is_outdated(revision_of(engine)):
            with engine.begin() as connection:
                record_action(connection, actor(), "store.backup", made.file.name)
    if as_json:
        emit(asdict(made))
    else:
        page.print(_description(made), highlight=False, soft_wrap=True)


def _description(made: Backup) -> str:
    rows = f"{made.rows['imports']:,} imports, {made.rows['orders']:,} orders"
    return f"{escape(str(made.file))}: {rows}, {made.bytes / 1e6:,.1f} MB"


@command
def restore(
    file: Annotated[Path, typer.Argument(help="A backup made by `orders backup`.", dir_okay=False)],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an order store that is not empty.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup, rebuild KPIs and leaderboards from it, and verify everything."""
    settings = load_settings()
    restored = _restore(settings, file, replace=replace)
    with running_redis(settings, say=_say) as redis_url, open_store(settings) as engine:
        _say("Rebuilding KPIs and leaderboards")
        days = rebuild_figures(engine, settings, redis_url)
        with reading(engine) as connection:
            keys = [found.key for found in list_imports(connection, MOST_PARTITIONS)]
        _register(settings, keys)
        checks = verify_home(engine, settings)
    _tell(restored, days, checks, as_json)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _restore(settings: Settings, file: Path, *, replace: bool) -> Restored:
    with kept_stopped(settings, say=_say):
        _say("Restoring")
        return put_back(file, settings, replace=replace, actor=actor())


def _register(settings: Settings, keys: list[str]) -> None:
    """Registers the files with Dagster, because a backup does not include Dagster's own stores."""
    from cli.stack.dagster_home import prepare_dagster  # noqa: PLC0415
    from jobs.imports.partitions import register_partition  # noqa: PLC0415
    from jobs.launch import dagster_instance  # noqa: PLC0415 takes two seconds to load

    prepare_dagster(settings)
    with dagster_instance(settings) as instance:
        for key in reversed(keys):
            register_partition(instance, key)


def _say(message: str) -> None:
    progress.print(f"[dim]{message}[/]", highlight=False)


def _tell(restored: Restored, days: int, checks: list[Check], as_json: bool) -> None:
    document: dict[str, Any] = {
        "made_at": restored.manifest.made_at,
        "rows": restored.manifest.rows,
        "days": days,
        "put_aside": str(restored.put_aside) if restored.put_aside else None,
        "ok": all(check.ok for check in checks),
        "checks": checks_as_json(checks),
    }
    if as_json:
        emit(document)
        return
    show_checks(checks)
    rows = restored.manifest.rows
    message = (
        f"Restored as of {restored.manifest.made_at}: {rows['imports']:,} imports, {rows['orders']:,} orders"
    )
    page.print(f"{message}, KPIs of {days:,} days.", highlight=False, soft_wrap=True)
    if restored.put_aside:
        page.print(f"The previous store was moved to {escape(str(restored.put_aside))}", soft_wrap=True)
    page.print("Import the files that were imported after the backup again.", soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)
