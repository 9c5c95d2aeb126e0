"""`orders verify`: checks every invariant."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape

from cli.context import open_store
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import load_settings
from orders_pipeline.verify.check import Check
from orders_pipeline.verify.everything import verify_home


@command
def verify(as_json: JsonOption = False) -> None:
    """Check every invariant from scratch. Exit code 1 if any is broken."""
    settings = load_settings()
    with open_store(settings) as engine:
        checks = verify_home(engine, settings)
    ok = all(check.ok for check in checks)
    if as_json:
        emit({"ok": ok, "checks": checks_as_json(checks)})
    else:
        show_checks(checks)
    if not ok:
        raise typer.Exit(1)


def show_checks(checks: list[Check]) -> None:
    """Prints each check, and an example if it is broken."""
    for check in checks:
        mark = "[green]holds[/]" if check.ok else "[bold red]BROKEN[/]"
        detail = "" if check.ok else f"\n        {escape(check.detail)}"
        page.print(f"{mark:>6}  {check.name}{detail}", highlight=False)


def checks_as_json(checks: list[Check]) -> list[dict[str, Any]]:
    """Converts checks to the documents of `--json`."""
    return [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("verify")(verify)
