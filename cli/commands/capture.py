"""`orders capture`: captures authorized orders."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.options.choosing import FileOption, SourceOption
from cli.output import JsonOption, command, emit, page, wrong_usage
from cli.runs.capture_orders import take_to_gateway
from orders_pipeline.base.model import AuthorizationStatus
from orders_pipeline.base.settings import load_settings
from orders_pipeline.captures.request import Wanted, ends_of, held, not_capturable, request_captures
from orders_pipeline.failed_work.chosen import Chosen, require_known
from orders_pipeline.store.engine import reading

Document = dict[str, Any]


@command
def capture(
    orders: Annotated[list[str] | None, typer.Argument(help="Order numbers.", show_default=False)] = None,
    key: FileOption = None,
    source: SourceOption = None,
    every: Annotated[bool, typer.Option("--all", help="All authorized orders.")] = False,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be captured, but change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Capture authorized orders: the gateway charges the authorized amounts, and the orders are completed."""
    chosen = Chosen(tuple(dict.fromkeys(orders or ())), source, key)
    if chosen == Chosen() and not every:
        wrong_usage("nothing_chosen", "Name orders, select a file with --file, or use --all.", as_json)
    settings = load_settings()
    with open_store(settings) as engine:
        require_known(engine, chosen)
        _require_capturable(engine, chosen)
        with reading(engine) as connection:
            found = held(connection, chosen.to_capture())
        document: Document = {"dry_run": dry, "orders": found.orders, "amounts": found.amounts, "ends": {}}
        if not dry:
            wanted = request_captures(engine, chosen.to_capture(), chosen.selection(), actor())
            take_to_gateway(settings, engine, wanted)
            _add_ends(engine, wanted, document)
    if declined := document["ends"].get(AuthorizationStatus.DECLINED) if chosen.numbers else None:
        raise CommandFailed(
            "capture_declined",
            f"The gateway declined {declined} of {document['orders']} captures and released the money.",
            "`orders show ORDER` shows why. `orders retry ORDER` authorizes the payment again.",
        )
    if as_json:
        emit(document)
    else:
        _show(document)


def _require_capturable(engine: Engine, chosen: Chosen) -> None:
    if not chosen.numbers:
        return
    with reading(engine) as connection:
        refused = not_capturable(connection, chosen.condition())
    if refused:
        listed = "; ".join(f"{number} of {source} is {status}" for number, source, status in refused)
        raise CommandFailed(
            "not_capturable",
            f"{len(refused)} of the named orders cannot be captured: {listed}. Nothing was captured.",
            "Only authorized orders can be captured. `orders show ORDER` shows an order's history.",
        )


def _add_ends(engine: Engine, wanted: Wanted, document: Document) -> None:
    document["orders"] = wanted.orders
    with reading(engine) as connection:
        document["ends"] = ends_of(connection, wanted)


def _show(document: Document) -> None:
    amounts = ", ".join(f"{amount} {currency}" for currency, amount in document["amounts"].items())
    of = f" of {amounts}" if amounts else ""
    if document["dry_run"]:
        page.print(f"{document['orders']:,} orders{of} would be captured.")
        return
    ends = ", ".join(f"{number:,} {status}" for status, number in document["ends"].items())
    page.print(f"{document['orders']:,} orders{of}: {ends}." if ends else "There are no orders to capture.")


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("capture")(capture)
