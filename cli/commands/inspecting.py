"""`orders show`: the history of one order."""

from __future__ import annotations

from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.context import open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page
from cli.pages.refund_page import shown_status
from orders_pipeline.base.model import AuthorizationStatus, PaymentMethod, RefundStatus
from orders_pipeline.base.settings import load_settings
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.store.engine import reading


@command
def show(
    order_id: Annotated[str, typer.Argument(help="Order number in the order file.")],
    source: Annotated[
        str | None, typer.Option(help="Source of the order, if several sources have this number.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the history of one order: lines, reservations, payments, refunds and events."""
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
    for name in ("refunded", "disputed"):
        if Decimal(story[name]):
            page.print(f"  {name} {story[name]} {story['currency']}", highlight=False)
    for kind, amount in story["amounts"].items():
        page.print(f"  {kind.replace('_', ' ')} {amount}", highlight=False)
    lines = Table("line", "in file", "SKU", "product")
    for name in ("units", "total", "discount"):
        lines.add_column(name, justify="right")
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
            held = any(one["attempt"] == payment["attempt"] for one in story["authorizations"])
            status = "authorized" if held else payment["status"]
            events.append((payment["answered_at"], f"payment {status}: {outcome}"))
    for authorization in story["authorizations"]:
        events += _authorization_events(authorization)
    events += [
        (held["closed_at"], f"stock {held['status']}") for held in story["reservations"] if held["closed_at"]
    ]
    for refund in story["refunds"]:
        events += _refund_events(refund, story["currency"])
    events += [(one["booked_at"], _provider_line(one)) for one in story["provider_lines"]]
    events += [(one["failed_at"], f"{one['reason']}: {one['detail']}") for one in story["failures"]]
    events += [(note["at"], note["note"]) for note in story["notes"]]
    events += _sent_messages(story)
    return [f"{at}  {what}" for at, what in sorted(events, key=itemgetter(0))]


def _authorization_events(held: dict[str, Any]) -> list[tuple[str, str]]:
    events = []
    if held["wanted"]:
        because = f": {held['detail']}" if held["detail"] else ""
        events.append((held["wanted_at"], f"{held['wanted']} requested by {held['wanted_by']}{because}"))
    if held["settled_at"]:
        outcome = held["failure"] or held["transaction_id"]
        declined = held["status"] == AuthorizationStatus.DECLINED
        ended = "capture declined" if declined else f"payment {held['status']}"
        events.append((held["settled_at"], f"{ended}: {outcome}"))
    elif held["failure"]:
        events.append((held["asked_at"], f"the gateway did not release the money: {held['failure']}"))
    return events


def _refund_events(refund: dict[str, Any], currency: str) -> list[tuple[str, str]]:
    what = f"{refund['kind']} {refund['refund_id']} of {refund['amount']} {currency}"
    because = f": {refund['reason']}" if refund["reason"] else ""
    asked = f"{what} requested by {refund['requested_by']}{because}{_approval(refund)}"
    events = [(refund["requested_at"], asked)]
    if refund["settled_at"]:
        outcome = refund["failure"] or refund["transaction_id"] or ""
        ended = f"{refund['kind']} {refund['refund_id']} {shown_status(refund)}"
        events.append((refund["settled_at"], f"{ended}: {outcome}" if outcome else ended))
    return events


def _provider_line(line: dict[str, Any]) -> str:
    paid = f"payout {line['payout']}" if line["payout"] else "not paid out yet"
    money = f"{line['gross']} less a fee of {line['fee']} {line['currency']}"
    return f"booked by the provider: {line['kind']} of {money}, {paid}"


def _approval(refund: dict[str, Any]) -> str:
    if refund["approved_by"]:
        return f", approved by {refund['approved_by']}"
    waits = refund["needs_approval"] and refund["status"] == RefundStatus.PENDING
    return ", waits for another operator's approval" if waits else ""


def _sent_messages(story: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the events sent to other systems, and the notices sent to the customer."""
    sent = [
        (one["settled_at"] or event["at"], f"event {event['type']} {one['status']}: webhook {one['webhook']}")
        for event in story["events"]
        for one in event["deliveries"]
    ]
    for notice in story["notices"]:
        because = f": {notice['reason']}" if notice["reason"] else ""
        what = f"notice {notice['id']} of {notice['type']} {notice['status']}{because}"
        sent.append((notice["settled_at"] or notice["created_at"], what))
    return sent


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("show")(show)
