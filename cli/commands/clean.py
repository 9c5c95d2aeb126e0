"""`orders clean`: removes old data now, as the nightly job does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from cli.context import actor, open_store
from cli.output import JsonOption, command, emit, page
from cli.stack.dagster_home import prepare_dagster
from cli.stack.layout import Layout
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.retention.clean import clean_stores, note_removed
from orders_pipeline.retention.removed import Removed

WORDS = {
    "batches": "parsed batches of imports",
    "originals": "staged order files",
    "rejects": "rejected lines of imports",
    "inbox_files": "files in the inbox folders done and quarantine",
    "unfinished_copies": "incomplete copies of order files",
    "runs": "Dagster runs",
    "events_of_runs": "events of runs, except the latest materializations",
    "check_results": "results of asset checks",
    "events_without_a_run": "events of Dagster without a run",
    "logs_of_ticks": "logs of ticks of sensors and schedules",
}


@command
def clean(
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed, but change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove data older than the ORDERS_KEEP_..._DAYS settings. Orders and payments are never removed."""
    settings = load_settings()
    with open_store(settings) as engine:
        removed = clean_stores(engine, settings, actor(), dry=dry)
        runs = list(_old_runs(settings, dry=dry))
        note_removed(engine, actor(), runs, dry=dry)
    if as_json:
        emit({"dry_run": dry, "removed": [asdict(one) for one in (*removed, *runs)]})
        return
    for one in (*removed, *runs):
        page.print(f"{one.number:>9,}  {WORDS[one.what]} [dim]older than {one.days} days[/]", highlight=False)
    page.print("This was a dry run. Nothing was removed." if dry else "Removed.")


def _old_runs(settings: Settings, *, dry: bool) -> Iterator[Removed]:
    if not settings.keep_runs_days:
        return
    from jobs.care.old_runs import remove_old_runs  # noqa: PLC0415
    from jobs.launch import dagster_instance  # noqa: PLC0415 takes two seconds to load

    Layout(settings.home).prepare()
    prepare_dagster(settings)
    with dagster_instance(settings) as instance:
        yield from remove_old_runs(instance, settings.keep_runs_days, dry=dry)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("clean")(clean)
