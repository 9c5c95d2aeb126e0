"""`orders keys`: manages the keys of the HTTP API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, page
from orders_pipeline.access.api_keys import (
    RESERVED,
    BadKeyNameError,
    KeyExistsError,
    UnknownKeyError,
    create_key,
    key_document,
    list_keys,
    revoke_key,
)
from orders_pipeline.access.audit import record_action
from orders_pipeline.base.model import Scope
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.engine import reading

NameArgument = Annotated[str, typer.Argument(help="Name of the user or client: letters, digits, . _ -")]
TIMES = ("created_at", "expires_at", "last_used_at")


@command
def create(
    name: NameArgument,
    scope: Annotated[Scope, typer.Option(help="What the key allows; each scope includes those before it.")],
    days: Annotated[
        int | None,
        typer.Option(
            min=1, max=3650, help="Days until the key expires; without it, the key is valid until revoked."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and show it. It cannot be shown again."""
    lifetime = timedelta(days=days) if days else None
    with open_store(load_settings()) as engine, engine.begin() as connection:
        try:
            key = create_key(connection, name, scope, lifetime)
        except BadKeyNameError as error:
            hint = f"Use up to 64 letters, digits, . _ and -. The name {RESERVED!r} is reserved."
            raise CommandFailed("bad_name", str(error), hint) from None
        except KeyExistsError:
            hint = f"Revoke it first with `orders keys revoke {name}`, or use another name."
            raise CommandFailed("key_exists", f"The key {name!r} already exists.", hint) from None
        ends = {"days": days} if days else {}
        record_action(connection, actor(), "keys.create", name, scope=scope, **ends)
    if as_json:
        emit({"name": name, "scope": scope, "key": key})
    else:
        page.print(key, highlight=False, soft_wrap=True)
        page.print(
            "[dim]The key is not shown again. Send it as `Authorization: Bearer KEY`.[/]", highlight=False
        )


@command
def show_list(as_json: JsonOption = False) -> None:
    """List all keys, without their secrets."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        keys = [key_document(key) for key in list_keys(connection)]
    if as_json:
        emit(keys)
    elif not keys:
        page.print("No keys yet. Create one with `orders keys create NAME --scope read`.")
    else:
        page.print(_table(keys))


@command
def revoke(name: NameArgument, as_json: JsonOption = False) -> None:
    """Revoke a key. The API refuses it from now on."""
    with open_store(load_settings()) as engine, engine.begin() as connection:
        try:
            revoke_key(connection, name)
        except UnknownKeyError:
            hint = "`orders keys list` shows all keys."
            raise CommandFailed("unknown_key", f"There is no key {name!r}.", hint) from None
        record_action(connection, actor(), "keys.revoke", name)
    if as_json:
        emit({"revoked": name})
    else:
        page.print(f"The key {name} is revoked.")


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    keys = typer.Typer(name="keys", help="Keys of the HTTP API.", no_args_is_help=True)
    keys.command("create")(create)
    keys.command("list")(show_list)
    keys.command("revoke")(revoke)
    app.add_typer(keys)


def _table(keys: list[dict[str, Any]]) -> Table:
    table = Table("name", "scope", "prefix", "created", "expires", "last used", box=SIMPLE, pad_edge=False)
    for key in keys:
        created, expires, used = ((key[name] or "never")[:16].replace("T", " ") for name in TIMES)
        ends = f"[red]{expires}[/]" if key["expired"] else expires
        table.add_row(key["name"], key["scope"], key["prefix"], created, ends, used)
    return table
