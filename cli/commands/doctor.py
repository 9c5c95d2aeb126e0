"""`orders doctor`: finds problems with this installation and says how to fix them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

import typer
from rich.markup import escape
from rich.table import Table

from cli.doctor import machine, services
from cli.doctor.finding import Examination, Finding, Level, error, examined, ok
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import Settings, SettingsError, load_settings

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


@command
def doctor(as_json: JsonOption = False) -> None:
    """Check versions, settings, disk, connections, workers and Dagster. Exit code 1 if any is broken."""
    found = list(_examine())
    healthy = not any(one.level is Level.ERROR for one in found)
    if as_json:
        emit({"ok": healthy, "findings": [asdict(one) for one in found]})
    else:
        _show(found)
    if not healthy:
        raise typer.Exit(1)


def _examine() -> Iterator[Finding]:
    yield from examined("python", machine.python, "Run `make setup`.")
    try:
        settings = load_settings()
    except SettingsError as failed:
        yield error("settings", str(failed), "docs/configuration.md lists every setting with its default.")
        return
    yield ok("settings", "all values are valid")
    for name, (examine, broken) in _examinations(settings).items():
        yield from examined(name, examine, broken)


def _examinations(settings: Settings) -> dict[str, tuple[Examination, str]]:
    return {
        "home": (partial(machine.home, settings), "Check ORDERS_HOME."),
        "open_files": (machine.limits, "Check ulimit -n."),
        "variables": (machine.variables, "Check the environment and .env."),
        "other_users": (partial(machine.other_users, settings), "Check /etc/passwd."),
        "ports": (partial(machine.ports, settings), "Check ORDERS_..._PORT."),
        "database": (
            partial(services.order_store, settings),
            "Check ORDERS_DATABASE_URL and that the database runs.",
        ),
        "redis": (partial(services.redis_server, settings), "Check ORDERS_REDIS_URL and that Redis runs."),
        "broker": (partial(services.broker, settings), "Check ORDERS_BROKER_URL and that the broker runs."),
        "payment_gateway": (
            partial(services.payment_gateway, settings),
            "Check ORDERS_PAYMENT_URL and ORDERS_PAYMENT_API_KEY, and that the gateway runs.",
        ),
        "dagster": (
            partial(services.dagster, settings),
            "Check DAGSTER_HOME, its dagster.yaml and the database in that file.",
        ),
        "notices": (partial(services.notices, settings), "Check ORDERS_NOTIFY_WEBHOOK."),
    }


def _show(found: list[Finding]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in found:
        mend = f"\n[dim]{escape(one.mend)}[/]" if one.mend else ""
        level = f"[{COLOURS[one.level]}]{one.level}[/]"
        table.add_row(level, one.name, escape(one.detail) + mend)
    page.print(table)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("doctor")(doctor)
