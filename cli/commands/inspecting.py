"""`orders show` and `orders verify`."""

from __future__ import annotations

from operator import itemgetter
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.context import open_store
from cli.output import CommandFailed, JsonOption, command, emit, page
from orders_pipeline.base.model import PaymentMethod
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.store.engine import reading
from orders_pipeline.verify.check import Check
from orders_pipeline.verify.everything import verify_home


@command
def show(
    order_id: Annotated[str, typer.Argument(help="Order number in the order file.")],
    source: Annotated[
        str | None, typer.Option(help="Source of the order, if several sources have this number.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the history of one order: lines, reservations, payments and events."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        stories = find_orders(connection, order_id, source)
    if not stories:
        raise CommandFailed(
            "unknown_order",
            f"No order has the number {order_id!r}.",
            "Check whether it was rejected: `orders files`, then `orders rejects KEY`.",
        )
    if len(stories) > 1:
        listed = ", ".join(story["source"] for story in stories)
        raise CommandFailed(
            "ambiguous_order",
            f"Several sources have an order {order_id!r}: {listed}.",
            "Name one with --source.",
        )
    if as_json:
        emit(stories[0])
    else:
        _show_story(stories[0])


def _show_story(story: dict[str, Any]) -> None:
    number, source = escape(story["order_id"]), escape(story["source"])
    page.print(
        f"[bold]Order {number}[/] of {source}: [bold]{story['status']}[/]",
        highlight=False,
    )
    page.print(
        f"  {story['total']} {story['currency']} on {story['day']}, "
        f"customer {escape(story['customer_id'] or '(guest)')}"
    )
    page.print(
        f"  {escape(story['file'])}, from {escape(story['file_place'])}  [dim]{story['partition']}[/]",
        highlight=False,
    )
    for kind, amount in story["amounts"].items():
        page.print(f"  {kind.replace('_', ' ')} {amount}", highlight=False)
    lines = Table("line", "in file", "SKU", "product", "units", "total", "discount")
    for line in story["lines"]:
        lines.add_row(*(escape(str(value)) if value is not None else "" for value in line.values()))
    page.print(lines)
    for text in _events(story):
        page.print(f"  {escape(text)}", highlight=False)


def _events(story: dict[str, Any]) -> list[str]:
    events = [(story["ordered_at"], "ordered"), (story["loaded_at"], "loaded")]
    for held in story["reservations"]:
        events.append(
            (held["reserved_at"], f"stock reserved (attempt {held['attempt']}, until {held['expires_at']})")
        )
    for payment in story["payments"]:
        amount = f"{payment['amount']} {story['currency']}"
        if payment["method"] == PaymentMethod.RECORDED:
            recorded = f"{amount} paid elsewhere: {payment['transaction_id']}"
            events.append((payment["requested_at"], recorded))
            continue
        events.append((payment["requested_at"], f"charge of {amount} sent"))
        if payment["answered_at"]:
            outcome = payment["transaction_id"] or payment["decline_reason"]
            events.append((payment["answered_at"], f"payment {payment['status']}: {outcome}"))
    events += [
        (held["closed_at"], f"stock {held['status']}") for held in story["reservations"] if held["closed_at"]
    ]
    events += [(one["failed_at"], f"{one['reason']}: {one['detail']}") for one in story["failures"]]
    events += [(note["at"], note["note"]) for note in story["notes"]]
    return [f"{at}  {what}" for at, what in sorted(events, key=itemgetter(0))]


@command
def verify(as_json: JsonOption = False) -> None:
    """Check every invariant from scratch. Exit code 1 if any is broken."""
    settings: Settings = load_settings()
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
    """Adds these commands."""
    app.command("show")(show)
    app.command("verify")(verify)
