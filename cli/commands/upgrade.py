"""`orders upgrade`: upgrades the tables of the order store to this version."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from cli.output import JsonOption, command, emit, page, progress
from cli.stack.stack import upgrade_home
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.revisions import OURS


@command
def upgrade(
    backed_up: Annotated[
        bool, typer.Option("--backup/--no-backup", help="Whether to back up the store first.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Upgrade an older order store: stop this home's programs, back up, upgrade, start them again."""
    made = upgrade_home(load_settings(), backed_up=backed_up, say=_say)
    if as_json:
        emit(
            {
                "upgraded": made is not None,
                "revision": OURS.head,
                "before": made.before if made else OURS.head,
                "backup": str(made.backup) if made and made.backup else None,
                "restarted": made.stopped if made else (),
            }
        )
    elif made is None:
        page.print(f"The order store is up to date (revision {OURS.head}).")
    else:
        page.print(f"Upgraded the order store from revision {made.before} to {made.after}.")
        if made.backup:
            page.print(f"As it was: {escape(str(made.backup))}", soft_wrap=True, highlight=False)


def _say(message: str) -> None:
    progress.print(f"[dim]{message}[/]", highlight=False)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("upgrade")(upgrade)
