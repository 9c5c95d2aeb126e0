"""`orders pause` and `orders resume`: stop and restart the intake of new files."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from cli.context import actor, is_store_made, open_store
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.imports.arrival.intake import current_pause, pause_document, pause_intake, resume_intake
from orders_pipeline.store.engine import open_engine, reading


@command
def pause(
    because: Annotated[str, typer.Option(help="Reason, shown to everyone whose file is refused.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Accept no new order files until `orders resume`. Running imports and retries continue."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        paused = pause_intake(connection, actor(), because)
    if as_json:
        emit(pause_document(paused))
    else:
        page.print(f"No new files are accepted: {escape(str(paused))}.", highlight=False)


@command
def resume(as_json: JsonOption = False) -> None:
    """Accept new order files again."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        resumed = resume_intake(connection, actor())
    if as_json:
        emit(pause_document(None))
    else:
        page.print("New files are accepted again." if resumed else "The intake was not paused.")


def intake_state(settings: Settings) -> dict[str, Any] | None:
    """Returns the `pause_document`; None if the store does not answer or is of an older version."""
    if not is_store_made(settings):
        return pause_document(None)
    engine = open_engine(settings.store_url)
    try:
        with reading(engine) as connection:
            return pause_document(current_pause(connection))
    except DBAPIError:
        return None
    finally:
        engine.dispose()


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command("pause")(pause)
    app.command("resume")(resume)
