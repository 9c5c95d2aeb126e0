"""`orders notifications`: notices to customers, sent and to be sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page, wrong_usage
from orders_pipeline.base.clock import today
from orders_pipeline.base.model import NOTICE_EVENTS, Notifications, NotificationStatus
from orders_pipeline.base.settings import load_settings
from orders_pipeline.notifications import actions
from orders_pipeline.notifications.listing import (
    NotificationFilter,
    UnknownNotificationError,
    list_notifications,
    notification_stats,
)
from orders_pipeline.notifications.preview import SeveralOrdersError, UnknownOrderError, preview_notice
from orders_pipeline.notifications.templates import NoticeTemplateError
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.store.engine import reading

DAY = ["%Y-%m-%d"]
Customer = Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="Id of a customer.")]
NoticeOption = Annotated[
    int | None, typer.Option("--notice", min=1, help="The customer of the notice with this id, instead.")
]


@command
def show_list(
    kind: Annotated[
        str | None, typer.Option("--type", help="Only notices of this event, such as order.completed.")
    ] = None,
    channel: Annotated[Notifications | None, typer.Option(help="Only notices by this channel.")] = None,
    status: Annotated[NotificationStatus | None, typer.Option(help="Only notices with this status.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only notices to the customer with this id.")] = None,
    order: Annotated[str | None, typer.Option(help="Only notices of the order with this number.")] = None,
    source: Annotated[str | None, typer.Option(help="Only notices of orders from this source.")] = None,
    start: Annotated[
        datetime | None, typer.Option(formats=DAY, metavar="DAY", help="First day, in ORDERS_TIMEZONE.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(formats=DAY, metavar="DAY", help="Last day, included.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of notices, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List notices to customers, newest first."""
    settings = load_settings()
    wanted = NotificationFilter(
        *(kind, channel, status, customer, order, source),
        first=start.date() if start else None,
        last=end.date() if end else None,
        zone=settings.zone,
    )
    with open_store(settings) as engine, reading(engine) as connection:
        found, _ = list_notifications(connection, wanted, limit)
    if as_json:
        emit(found)
        return
    table = Table(box=SIMPLE, pad_edge=False)
    names = ("id", "order_number", "customer_id", "type", "status", "attempts", "created_at", "reason")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for one in found:
        table.add_row(*(escape(str(one[name] if one[name] is not None else "")) for name in names))
    page.print(table if found else "No matching notices.")


@command
def stats(as_json: JsonOption = False) -> None:
    """Count notices by status, event and channel, and show whether they can be sent."""
    settings = load_settings()
    with open_store(settings) as engine, reading(engine) as connection:
        numbers = notification_stats(connection, today(settings.zone), settings.zone)
    if as_json:
        emit(numbers)
        return
    table = Table(box=SIMPLE, pad_edge=False, show_header=False)
    for name, value in numbers.items():
        table.add_row(name.replace("_", " "), escape(_shown(value)))
    page.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "-"
    return "-" if value is None else str(value)


@command
def resend(
    notices: Annotated[list[int], typer.Argument(metavar="ID", help="Ids of notices that have ended.")],
    as_json: JsonOption = False,
) -> None:
    """Send notices again. `orders up` sends them."""
    with _changing() as connection:
        again = [actions.resend(connection, number, actor()) for number in notices]
    if as_json:
        emit(again)
    else:
        page.print(f"{len(again)} notices are queued again.", highlight=False)


@command
def preview(
    event: Annotated[str, typer.Argument(metavar="EVENT", help=f"One of {', '.join(NOTICE_EVENTS)}.")],
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Number of an order.")],
    source: Annotated[str | None, typer.Option(help="Source of the order.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language, such as de. Default: the customer's.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Show the HTML part instead of the text.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a customer would read about an order. Nothing is sent."""
    if event not in NOTICE_EVENTS:
        wrong_usage("unknown_event", f"{event!r} is not one of {', '.join(NOTICE_EVENTS)}.", as_json)
    settings = load_settings()
    try:
        with open_store(settings) as engine, reading(engine) as connection:
            notice = preview_notice(connection, NoticeTerms.of(settings), event, order, source, language)
    except UnknownOrderError as error:
        raise CommandFailed("unknown_order", str(error), "`orders list` lists orders.") from None
    except SeveralOrdersError as error:
        raise CommandFailed("several_orders", str(error), "Name one with --source.") from None
    except NoticeTemplateError as error:
        raise CommandFailed("template_invalid", str(error), f"See {settings.home / 'notices'}.") from None
    if as_json:
        emit(notice._asdict())
        return
    body = notice.html if html else f"Subject: {notice.subject}\n\n{notice.text}"
    page.print(escape(body), highlight=False, soft_wrap=True)


@command
def unsubscribe(customer: Customer = None, notice: NoticeOption = None, as_json: JsonOption = False) -> None:
    """Stop notices to a customer."""
    _of_customer("unsubscribed", customer, notice, as_json)


@command
def subscribe(customer: Customer = None, notice: NoticeOption = None, as_json: JsonOption = False) -> None:
    """Resume notices to a customer who was unsubscribed, or whose address bounced."""
    _of_customer("subscribed", customer, notice, as_json)


def _of_customer(done: str, customer: str | None, notice: int | None, as_json: bool) -> None:
    if (customer is None) == (notice is None):
        wrong_usage("nothing_chosen", "Name a customer, or use --notice.", as_json)
    change = actions.unsubscribe if done == "unsubscribed" else actions.subscribe
    with _changing() as connection:
        chosen = customer if customer is not None else actions.customer_of(connection, notice or 0)
        change(connection, chosen, actor())
    document: dict[str, Any] = {done: chosen}
    if as_json:
        emit(document)
    else:
        page.print(f"Customer {escape(chosen)} is {done}.", highlight=False)


@contextmanager
def _changing() -> Iterator[Connection]:
    try:
        with open_store(load_settings()) as engine, engine.begin() as connection:
            yield connection
    except UnknownNotificationError as error:
        raise CommandFailed("unknown_notice", str(error), "`orders notifications list` lists them.") from None
    except actions.StillOpenError as error:
        raise CommandFailed("notice_open", str(error), "`orders up` sends it.") from None
    except actions.UnknownContactError as error:
        raise CommandFailed(
            "unknown_contact", str(error), "Addresses come from order files while notices are on."
        ) from None


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    notifications = typer.Typer(
        name="notifications",
        help="Notices to customers: what was sent, and what was not.",
        no_args_is_help=True,
    )
    notifications.command("list")(show_list)
    notifications.command("stats")(stats)
    notifications.command("resend")(resend)
    notifications.command("preview")(preview)
    notifications.command("unsubscribe")(unsubscribe)
    notifications.command("subscribe")(subscribe)
    app.add_typer(notifications)
