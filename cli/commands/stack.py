"""`orders up`, `down`, `restart` and `status`: manage the background processes of a home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.commands.alerts import alerts_now, show_alerts
from cli.commands.intake import intake_state
from cli.console_link import own_link
from cli.context import require_usable_store
from cli.output import JsonOption, command, emit, page, progress
from cli.stack.absent_services import absent_services
from cli.stack.foreground import run_in_foreground
from cli.stack.layout import Layout
from cli.stack.programs.programs import API, FLOWER, VIEWER, WEBSERVER
from cli.stack.programs.roles import EVERYTHING
from cli.stack.stack import (
    StackStatus,
    api_url,
    restart_programs,
    stack_status,
    start_all,
    stop_all,
    webserver_url,
)
from cli.webserver.links import SIGN_IN, make_link
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.monitoring.alerts.alert_rows import alert_document


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    for function in (up, down, restart, status):
        app.command()(command(function))


OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="PROGRAM",
        help=f"Start only this program and those it needs. Repeatable. One of {', '.join(EVERYTHING)}.",
    ),
]
ForegroundOption = Annotated[
    bool,
    typer.Option("--foreground", help="Run until SIGTERM, then stop gracefully. For systemd and containers."),
]
GuardedOption = Annotated[
    bool | None,
    typer.Option(
        "--guarded/--open",
        help="Require a sign-in at Dagster's webserver from now on, or let every user of this machine in.",
    ),
]
Names = Annotated[list[str] | None, typer.Argument(help="Programs. Default: all except Redis.")]


def up(
    only: OnlyOption = None,
    guarded: GuardedOption = None,
    foreground: ForegroundOption = False,
    as_json: JsonOption = False,
) -> None:
    """Start Redis, workers, Dagster and the API, and keep them running. Restart changed programs."""
    settings = load_settings()
    if foreground:
        run_in_foreground(settings, only or (), guarded, _say)
        return
    started = start_all(settings, only or (), guarded=guarded, say=_say)
    names = {program.name for program in started.programs}
    link = _sign_in_link(settings) if names & {WEBSERVER, VIEWER} else None
    console = own_link(settings) if API in names else None
    _show(started, settings, as_json, {"sign_in": link, "console": console})
    if not as_json:
        for line in _addresses(settings, names):
            page.print(line, soft_wrap=True, highlight=False)
        if console:
            page.print(
                f"Console (signs you in once, within ten minutes): {console}", soft_wrap=True, highlight=False
            )
        if link:
            page.print(
                f"Sign in to Dagster (works once, for ten minutes): {link}", soft_wrap=True, highlight=False
            )
        page.print("Stop everything with `orders down`.")


def _sign_in_link(settings: Settings) -> str | None:
    """Returns a link that signs one browser in, or None if Dagster's webserver needs no sign-in."""
    layout = Layout(settings.home)
    if not layout.guarded.exists():
        return None
    return f"{webserver_url(settings)}{SIGN_IN}?once={make_link(layout.run)}"


def down(as_json: JsonOption = False) -> None:
    """Stop all background processes. Each worker finishes its current batch first."""
    settings = load_settings()
    stopped = stop_all(settings, say=_say)
    if as_json:
        emit({"stopped": stopped, "home": str(settings.home)})
    else:
        page.print("Stopped." if stopped else "Nothing was running.")


def restart(names: Names = None, as_json: JsonOption = False) -> None:
    """Restart running programs with the current settings and code. Workers finish their batch first."""
    settings = load_settings()
    _show(restart_programs(settings, names or (), say=_say), settings, as_json)


def status(as_json: JsonOption = False) -> None:
    """Show running programs, services that cannot be used, open alerts, and whether the intake is paused."""
    settings = load_settings()
    require_usable_store(settings)
    found = alerts_now(settings)
    absent = list(absent_services(settings))
    more = {
        "intake": intake_state(settings),
        "alerts": [alert_document(alert) for alert in found],
        "absent_services": [{"code": one.code, "message": one.message, "hint": one.hint} for one in absent],
    }
    stack = stack_status(settings)
    _show(stack, settings, as_json, more)
    if as_json:
        return
    for one in absent:
        page.print(f"[red]{escape(one.message)}[/]\n{escape(one.hint)}", highlight=False)
    for line in _addresses(settings, {program.name for program in stack.programs}):
        page.print(line, soft_wrap=True, highlight=False)
    if found:
        show_alerts(found)


def _addresses(settings: Settings, running: set[str]) -> Iterator[str]:
    """Yields the addresses of the running programs."""
    if WEBSERVER in running:
        yield f"Dagster: {webserver_url(settings)}"
    if API in running:
        yield f"Console: {api_url(settings).removesuffix('api')}    API: {api_url(settings)}"
    if VIEWER in running:
        yield f"Read-only Dagster: http://127.0.0.1:{settings.viewer_port}"
    if FLOWER in running:
        login = settings.home / "run" / "flower.login"
        yield f"Flower: http://127.0.0.1:{settings.flower_port} (login: {login})"


def _say(message: str) -> None:
    progress.print(f"[dim]{message}[/]", highlight=False)


def _show(stack: StackStatus, settings: Settings, as_json: bool, more: dict[str, Any] | None = None) -> None:
    intake = more and more.get("intake")
    if as_json:
        emit(_document(stack, settings) | (more or {}))
    elif not stack.programs:
        page.print("Nothing is running. Start the broker, workers, Dagster and the API with `orders up`.")
    else:
        page.print(_table(stack))
    if intake and intake["paused"] and not as_json:
        why = f": {escape(intake['because'])}" if intake["because"] else ""
        page.print(f"[yellow]Intake paused by {escape(intake['by'])}{why}[/]")


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
    table = Table("Program", "State", "PID", "Uptime", "", box=None, header_style="bold")
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
