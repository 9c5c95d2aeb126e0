"""`orders logs`: the log files of the background processes."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page, show
from cli.stack.layout import Layout
from orders_pipeline.base.settings import load_settings

LOOK_SECONDS = 0.5


@command
def logs(
    program: Annotated[
        str | None, typer.Argument(help="A program. Without it, log files are listed.")
    ] = None,
    lines: Annotated[int, typer.Option(min=1, help="Number of lines from the end.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep showing new lines as they are written.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the log of a background process, or list the log files."""
    layout = Layout(load_settings().home)
    known = sorted(layout.logs.glob("*.log"))
    if program is None:
        _list(known, as_json)
        return
    file = layout.log(program)
    if file not in known:
        names = ", ".join(one.stem for one in known) or "none"
        raise CommandFailed(
            "unknown_program", f"There is no log of {program!r}.", f"There are logs of: {names}."
        )
    with file.open(encoding="utf-8", errors="replace") as log:
        last = list(deque(log, maxlen=lines))
        if as_json:
            emit({"program": program, "file": str(file), "lines": [line.rstrip("\n") for line in last]})
            return
        show("".join(last))
        while follow:
            show(log.read())
            time.sleep(LOOK_SECONDS)


def _list(files: list[Path], as_json: bool) -> None:
    sizes = [{"program": file.stem, "file": str(file), "bytes": file.stat().st_size} for file in files]
    if as_json:
        emit(sizes)
        return
    if not files:
        page.print("No logs yet. `orders up` starts the background processes.")
        return
    table = Table("program", "bytes", "file", box=SIMPLE, pad_edge=False)
    for one in sizes:
        table.add_row(str(one["program"]), f"{one['bytes']:,}", str(one["file"]))
    page.print(table)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("logs")(logs)
