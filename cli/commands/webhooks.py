"""`orders webhooks`: endpoints of other systems to which events are sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.options.choosing import TIME_FORMATS, since_us
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.model import EventType
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.base.text.numbers import counted
from orders_pipeline.events import actions
from orders_pipeline.events.destinations import ForbiddenDestination, Reach
from orders_pipeline.events.endpoints import (
    MOST_IN_BATCH,
    TooManyEndpointsError,
    UnknownEndpointError,
    endpoint_document,
    list_endpoints,
)
from orders_pipeline.events.failed import list_failed
from orders_pipeline.events.trying_out import send_test_event
from orders_pipeline.store.engine import reading

ALL = "all"
Id = Annotated[
    int, typer.Argument(metavar="ID", min=1, help="Id of a webhook; `orders webhooks list` shows it.")
]
NOT_SHOWN_AGAIN = "[dim]The secret signs each request. It is not shown again.[/]"


@command
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="URL of the endpoint that receives events.")],
    events: Annotated[str, typer.Option(help=f"Types of events, separated by commas, or {ALL}.")],
    batch: Annotated[
        int, typer.Option(min=1, max=MOST_IN_BATCH, help="Maximum number of events in one request.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook, and show its secret, which cannot be shown again."""
    settings, types = load_settings(), _types(events)
    with open_store(settings) as engine:
        try:
            endpoint, secret = actions.add(engine, url, types, batch, _reach(settings), actor())
        except ForbiddenDestination as error:
            hint = "Use a public https URL, or allow its network in ORDERS_WEBHOOK_ALLOWED_NETWORKS."
            raise CommandFailed("forbidden_destination", f"{error}.".replace("..", "."), hint) from None
        except TooManyEndpointsError as error:
            raise CommandFailed("too_many_webhooks", str(error), "Remove one first.") from None
    if as_json:
        emit({**endpoint_document(endpoint), "secret": secret})
        return
    page.print(f"Webhook {endpoint.id} gets: {', '.join(endpoint.events)}.", highlight=False)
    page.print(secret, highlight=False, soft_wrap=True)
    page.print(NOT_SHOWN_AGAIN, highlight=False)


@command
def show_list(as_json: JsonOption = False) -> None:
    """List webhooks, without their secrets."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = [endpoint_document(one) for one in list_endpoints(connection)]
    if as_json:
        emit(found)
        return
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("id", "URL", "events", "last success", "failing since", "last error"):
        table.add_column(name, overflow="fold")
    for one in found:
        cells = (one["url"], ", ".join(one["events"]), one["last_success_at"], one["failing_since"])
        table.add_row(str(one["id"]), *(escape(cell or "") for cell in (*cells, one["last_error"])))
    page.print(table if found else "There are no webhooks.")


@command
def remove(webhook: Id, as_json: JsonOption = False) -> None:
    """Remove a webhook. Events that it has not received yet are not sent."""
    with _changing() as connection:
        actions.remove(connection, webhook, actor())
    _say({"removed": webhook}, f"Webhook {webhook} is removed.", as_json)


@command
def rotate(
    webhook: Id,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="Hours for which the old secret signs requests, too.")
    ] = 24.0,
    as_json: JsonOption = False,
) -> None:
    """Replace the secret of a webhook, and show the new one, which cannot be shown again."""
    with _changing() as connection:
        secret = actions.rotate(connection, webhook, actor(), timedelta(hours=overlap_hours))
    if as_json:
        emit({"id": webhook, "secret": secret})
    else:
        page.print(secret, highlight=False, soft_wrap=True)
        page.print(NOT_SHOWN_AGAIN, highlight=False)


@command
def try_out(webhook: Id, as_json: JsonOption = False) -> None:
    """Send a test event to a webhook now. Exit code 1: the webhook did not accept the event."""
    settings = load_settings()
    with _known_webhook(), open_store(settings) as engine:
        tried = send_test_event(engine, webhook, _reach(settings))
    result = f"did not accept the event: {tried.error}" if tried.error else "accepted the event."
    _say(asdict(tried), f"Webhook {webhook} {result}", as_json)
    if tried.error:
        raise typer.Exit(1)


@command
def failed(
    webhook: Annotated[int | None, typer.Argument(metavar="ID", min=1, help="Only of this webhook.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of events, newest first.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List failed deliveries: events that could not be delivered within three days."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = list_failed(connection, webhook, limit)
    if as_json:
        emit(found)
        return
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("webhook", "event", "type", "subject", "failed", "tries", "error"):
        table.add_column(name, overflow="fold")
    for one in found:
        cells = (
            one["webhook"],
            one["event"],
            one["type"],
            one["subject"],
            one["failed_at"][:16],
            one["tries"],
        )
        table.add_row(*(escape(str(cell)) for cell in (*cells, one["error"])))
    page.print(table if found else "No deliveries have failed.")


@command
def replay(
    webhook: Id,
    event: Annotated[
        list[int] | None, typer.Option(help="Only this event. Repeat for several events.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            help="All events since this time, also delivered ones. In ORDERS_TIMEZONE.",
            formats=TIME_FORMATS,
            metavar="TIME",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay the failed deliveries of a webhook, or with --since all its events since then."""
    settings = load_settings()
    if event and since:
        raise typer.BadParameter("use --event or --since, not both")
    with _changing() as connection:
        number = actions.replay(connection, webhook, actor(), event or (), since_us(since, settings))
    _say({"replayed": number}, f"{counted(number, 'event')} will be sent again by `orders up`.", as_json)


@command
def dismiss(webhook: Id, as_json: JsonOption = False) -> None:
    """Drop the failed deliveries of a webhook. They cannot be replayed afterwards."""
    with _changing() as connection:
        number = actions.dismiss(connection, webhook, actor())
    dropped = counted(number, "failed delivery", "failed deliveries")
    _say({"dismissed": number}, f"Dropped: {dropped}.", as_json)


def _types(events: str) -> list[EventType]:
    names = [name.strip() for name in events.split(",") if name.strip()]
    if names == [ALL]:
        return list(EventType)
    for name in names:
        if name not in set(EventType):
            known = ", ".join(EventType)
            raise typer.BadParameter(f"{name!r} is not one of {known}, {ALL}", param_hint="--events")
    if not names:
        raise typer.BadParameter("name at least one type", param_hint="--events")
    return [EventType(name) for name in names]


def _reach(settings: Settings) -> Reach:
    return Reach.of(settings.webhook_networks)


@contextmanager
def _changing() -> Iterator[Connection]:
    with _known_webhook(), open_store(load_settings()) as engine, engine.begin() as connection:
        yield connection


@contextmanager
def _known_webhook() -> Iterator[None]:
    try:
        yield
    except UnknownEndpointError as error:
        raise CommandFailed(
            "unknown_webhook", str(error), "`orders webhooks list` lists all webhooks."
        ) from None


def _say(document: dict[str, object], text: str, as_json: bool) -> None:
    if as_json:
        emit(document)
    else:
        page.print(escape(text), highlight=False)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    webhooks = typer.Typer(
        name="webhooks",
        help="Send events about orders, imports and stock to other systems.",
        no_args_is_help=True,
    )
    webhooks.command("add")(add)
    webhooks.command("list")(show_list)
    webhooks.command("remove")(remove)
    webhooks.command("rotate")(rotate)
    webhooks.command("test")(try_out)
    webhooks.command("failed")(failed)
    webhooks.command("replay")(replay)
    webhooks.command("dismiss")(dismiss)
    app.add_typer(webhooks)
