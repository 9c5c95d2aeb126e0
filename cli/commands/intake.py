"""`orders pause` and `orders resume`: whether new files are let in."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from cli.context import actor, is_store_made, open_store
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.imports.intake import current_pause, pause_document, pause_intake, resume_intake
from orders_pipeline.store.engine import open_engine, reading


@command
def pause(
    because: Annotated[str, typer.Option(help="Why; whoever is refused meanwhile reads it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Let no new order file in until `orders resume`; what has begun, and retries, go on to their end."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        paused = pause_intake(connection, actor(), because)
    if as_json:
        emit(pause_document(paused))
    else:
        page.print(f"New files wait now: {escape(str(paused))}.", highlight=False)


@command
def resume(as_json: JsonOption = False) -> None:
    """Let new order files in again."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        resumed = resume_intake(connection, actor())
    if as_json:
        emit(pause_document(None))
    else:
        page.print("New files are let in again." if resumed else "The intake was not paused.")


def intake_state(settings: Settings) -> dict[str, Any] | None:
    """Whether the intake is paused, as `pause_document`; None where the store does not answer or is older."""
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
