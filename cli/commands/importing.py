"""`orders stage` and `orders import`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from cli.context import open_store
from cli.options.reading_options import reading_options
from cli.output import JsonOption, command, emit, error_object, explained, show_error
from cli.pages.import_page import show_runs
from cli.runs.import_files import FileRun, ImportCommand
from cli.stack.dagster_home import prepare_dagster
from cli.stack.layout import Layout
from orders_pipeline.base.settings import Settings, UnknownSku, load_settings
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.conventions import require_conventions

Files = Annotated[list[Path], typer.Argument(help="Order files.", show_default=False)]


@command
@reading_options()
def stage(
    files: Files,
    instructions: ReadingInstructions,
    as_json: JsonOption = False,
) -> None:
    """Identify order files, copy them to the staging area and register their partitions, without a run."""
    from jobs.imports.partitions import register_partition  # noqa: PLC0415
    from jobs.launch import dagster_instance  # noqa: PLC0415 takes two seconds to load

    settings = load_settings()
    staging = open_staging(settings)
    documents: list[dict[str, Any]] = []
    failed = False
    Layout(settings.home).prepare()
    prepare_dagster(settings)
    with open_store(settings) as engine, dagster_instance(settings) as instance:
        require_conventions(engine, settings)
        for file in files:
            try:
                staged = stage_file(engine, staging, file, instructions)
            except Exception as error:  # noqa: BLE001 one file's failure is an entry of the report
                failed = True
                explanation = explained(error)
                documents.append(error_object(explanation))
                show_error(explanation, as_json=False)
                continue
            register_partition(instance, staged.key)
            documents.append({"partition": staged.key, "file": staged.file_name, "profile": staged.profile})
            if not as_json:
                sys.stdout.write(f"{staged.key}\n")
    if as_json:
        emit(documents if len(files) > 1 else documents[0])
    if failed:
        raise typer.Exit(1)


@command
@reading_options()
def import_files(
    context: typer.Context,
    files: Files,
    instructions: ReadingInstructions,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, but change nothing.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="If the intake is paused, wait until it is resumed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import order files: settle every order, publish KPIs and leaderboards, and print a report."""
    started_at = context.obj if isinstance(context.obj, float) else time.time()
    settings = load_settings()
    with open_store(settings) as engine:
        require_conventions(engine, settings)
        if dry:
            runs = [_dry(settings, engine, file, instructions) for file in files]
        else:
            importing = ImportCommand(settings, engine, started_at, wait)
            runs = importing.run(files, instructions)
    if as_json:
        documents = [run.document for run in runs]
        emit(documents if len(files) > 1 else documents[0])
    else:
        show_runs(runs, dry=dry)
    if any(run.error for run in runs):
        raise typer.Exit(1)


def _dry(settings: Settings, engine: Engine, file: Path, instructions: ReadingInstructions) -> FileRun:
    from orders_pipeline.imports.dry_run import dry_run  # noqa: PLC0415 other imports parse elsewhere
    from orders_pipeline.imports.file_import import parse_rules  # noqa: PLC0415

    run = FileRun(file)
    try:
        run.report = dry_run(
            engine,
            open_staging(settings),
            parse_rules(settings),
            file,
            instructions,
            lists_unknown=settings.unknown_sku is UnknownSku.CREATE,
        )
    except Exception as error:  # noqa: BLE001 one file's failure is an entry of the report
        run.error = explained(error)
    return run


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("stage")(stage)
    app.command("import")(import_files)
