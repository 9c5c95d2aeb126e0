"""`orders up`, `down` and `status`: the background processes of a home."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer
from rich.table import Table

from cli.output import JsonOption, command, emit, page, progress
from cli.stack.stack import StackStatus, api_url, stack_status, start_all, stop_all, webserver_url
from orders_pipeline.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for function in (up, down, status):
        app.command()(command(function))


def up(as_json: JsonOption = False) -> None:
    """Keep broker, workers, Dagster and the API running in the background."""
    settings = load_settings()
    _show(start_all(settings, say=_say), settings, as_json)
    if not as_json:
        page.print(f"Dagster: {webserver_url(settings)}    API: {api_url(settings)}")
        page.print("`orders down` stops everything")


def down(as_json: JsonOption = False) -> None:
    """Stop them; a worker ends the batch that it works on first."""
    settings = load_settings()
    stopped = stop_all(settings, say=_say)
    if as_json:
        emit({"stopped": stopped, "home": str(settings.home)})
    else:
        page.print("Stopped" if stopped else "Nothing was running")


def status(as_json: JsonOption = False) -> None:
    """Show what runs."""
    settings = load_settings()
    _show(stack_status(settings), settings, as_json)


def _say(message: str) -> None:
    progress.print(f"[dim]{message}[/]", highlight=False)


def _show(stack: StackStatus, settings: Settings, as_json: bool) -> None:
    if as_json:
        emit(_document(stack, settings))
    elif not stack.programs:
        page.print("Nothing is running. `orders up` starts broker, workers, Dagster and the API")
    else:
        page.print(_table(stack))


def _document(stack: StackStatus, settings: Settings) -> dict[str, Any]:
    return {
        "running": stack.running,
        "persistent": stack.persistent,
        "home": str(settings.home),
        "webserver": webserver_url(settings),
        "api": api_url(settings),
        "programs": [asdict(program) for program in stack.programs],
    }


def _table(stack: StackStatus) -> Table:
    table = Table("Program", "State", "PID", "Up for", "", box=None, header_style="bold")
    for program in stack.programs:
        colour = "green" if program.state == "RUNNING" else "yellow"
        state = f"[{colour}]{program.state.lower()}[/]"
        table.add_row(program.name, state, str(program.pid or ""), _duration(program.uptime), program.detail)
    return table


def _duration(seconds: int) -> str:
    if not seconds:
        return ""
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
