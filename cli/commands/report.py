"""`orders report`: the answers to analysts' questions."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.commands.exporting import CurrencyOption, known_currency
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.questions.questions import NAMES, Answer, NoFigures, answer, questions


@command
def report(
    name: Annotated[
        str | None, typer.Argument(help="Name of a report. Without it, all are listed.", show_default=False)
    ] = None,
    currency: CurrencyOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print a report such as by_month, cohorts or bought_together; docs/questions.md has the queries."""
    if name is None:
        _list(as_json)
        return
    question = questions().get(name)
    if question is None:
        raise CommandFailed(
            "unknown_question", f"There is no report {name!r}.", f"Choose one of {', '.join(NAMES)}."
        )
    try:
        found = answer(load_settings().warehouse, question, known_currency(currency, as_json))
    except NoFigures as error:
        raise CommandFailed("no_figures", str(error)) from None
    if as_json:
        emit([dict(zip(found.columns, map(_plain, row), strict=True)) for row in found.rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([found.columns, *found.rows])
    else:
        page.print(f"[bold]{escape(question.title)}[/]\n[dim]{escape(question.meaning)}[/]", highlight=False)
        page.print(_table(found) if found.rows else "There are no rows.")


def _list(as_json: bool) -> None:
    known = questions().values()
    if as_json:
        emit([{"name": one.name, "title": one.title, "meaning": one.meaning} for one in known])
        return
    table = Table("name", "question", box=SIMPLE, pad_edge=False)
    for one in known:
        table.add_row(one.name, escape(f"{one.title}. {one.meaning}"))
    page.print(table)


def _table(found: Answer) -> Table:
    table = Table(box=SIMPLE, pad_edge=False)
    for at, name in enumerate(found.columns):
        right = all(isinstance(row[at], int | float | Decimal | None) for row in found.rows)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in found.rows:
        table.add_row(*("" if value is None else escape(_text(value)) for value in row))
    return table


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        # Money and units have as many decimals as they need, at least two if any.
        whole, _, decimals = f"{value:,f}".partition(".")
        shown = decimals.rstrip("0")
        return f"{whole}.{shown.ljust(2, '0')}" if shown else whole
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return json.loads(f"{value:f}")
    return value.isoformat() if isinstance(value, date) else value


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("report")(report)
