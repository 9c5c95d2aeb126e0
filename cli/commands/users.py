"""`orders users`: manages who may sign in to the console. `orders console`: a link for oneself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from cli.console_link import link_of, own_link
from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.options.passwords import asked_password
from cli.output import JsonOption, command, emit, page
from orders_pipeline.access import users
from orders_pipeline.access.audit import record_action
from orders_pipeline.access.passwords import WeakPasswordError
from orders_pipeline.access.users import BadNameError, UnknownUserError, User, UserExistsError, user_document
from orders_pipeline.base.model import Role
from orders_pipeline.base.settings import load_settings
from orders_pipeline.store.engine import reading

NameArgument = Annotated[str, typer.Argument(help="Name of the user: letters, digits, . _ @ + -")]
RoleOption = Annotated[Role, typer.Option(help="What the user may do: read, operate, or administer.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the password in its first line; - is stdin. Without it, you are asked.",
        show_default=False,
    ),
]
ONCE = "Works once, for ten minutes:"


@command
def add(
    name: NameArgument,
    role: RoleOption,
    password_file: PasswordFile = None,
    no_password: Annotated[
        bool,
        typer.Option("--no-password", help="The user signs in by link, proxy or OpenID provider only."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a user."""
    password = None if no_password else asked_password(password_file)
    with _changing() as connection:
        user = users.add_user(connection, name, role, password)
        record_action(connection, actor(), "users.add", user.name, role=role)
    _tell(user, f"The user {user.name} is added, as {role}.", as_json)


@command
def show_list(as_json: JsonOption = False) -> None:
    """List all users."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        found = [user_document(user) for user in users.list_users(connection)]
    if as_json:
        emit(found)
    elif not found:
        page.print("No users yet. Add one with `orders users add NAME --role operator`.")
    else:
        page.print(_table(found))


@command
def remove(name: NameArgument, as_json: JsonOption = False) -> None:
    """Remove a user. All sessions of the user end at once."""
    with _changing() as connection:
        user = users.remove_user(connection, name)
        record_action(connection, actor(), "users.remove", user.name)
    if as_json:
        emit({"removed": user.name})
    else:
        page.print(f"The user {user.name} is removed.")


@command
def role(
    name: NameArgument,
    new: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer, operator or admin.")],
    as_json: JsonOption = False,
) -> None:
    """Change the role of a user. The user has to sign in again."""
    with _changing() as connection:
        user = users.set_role(connection, name, new)
        record_action(connection, actor(), "users.role", user.name, role=new)
    _tell(user, f"The user {user.name} is now {new}.", as_json)


@command
def password(name: NameArgument, password_file: PasswordFile = None, as_json: JsonOption = False) -> None:
    """Change the password of a user. All sessions of the user end."""
    new = asked_password(password_file)
    with _changing() as connection:
        user = users.set_password(connection, name, new)
        record_action(connection, actor(), "users.password", user.name)
    _tell(user, f"The user {user.name} has a new password.", as_json)


@command
def sign_out(name: NameArgument, as_json: JsonOption = False) -> None:
    """End all sessions of a user, and make the user's sign-in links invalid."""
    with _changing() as connection:
        user = users.get_user(connection, name)
        ended = users.sign_out(connection, user)
        record_action(connection, actor(), "users.sign_out", user.name, sessions=ended)
    if as_json:
        emit({"name": user.name, "ended": ended})
    else:
        page.print(f"The user {user.name} is signed out; sessions that ended: {ended}.")


@command
def link(name: NameArgument, as_json: JsonOption = False) -> None:
    """Print a link that signs a user in on this machine, once."""
    _print_link(link_of(load_settings(), name), as_json)


@command
def console(as_json: JsonOption = False) -> None:
    """Print a link that signs you in to the console on this machine, once."""
    _print_link(own_link(load_settings()), as_json)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    made = typer.Typer(name="users", help="Users of the console.", no_args_is_help=True)
    made.command("add")(add)
    made.command("list")(show_list)
    made.command("remove")(remove)
    made.command("role")(role)
    made.command("password")(password)
    made.command("sign-out")(sign_out)
    made.command("link")(link)
    app.add_typer(made)
    app.command("console")(console)


@contextmanager
def _changing() -> Iterator[Connection]:
    """Yields a transaction on the order store; an invalid name or password ends the command."""
    try:
        with open_store(load_settings()) as engine, engine.begin() as connection:
            yield connection
    except UnknownUserError as error:
        raise CommandFailed("unknown_user", str(error), "`orders users list` shows all users.") from None
    except UserExistsError as error:
        hint = "`orders users password` and `orders users role` change a user."
        raise CommandFailed("user_exists", str(error), hint) from None
    except BadNameError as error:
        raise CommandFailed("bad_name", str(error)) from None
    except WeakPasswordError as error:
        raise CommandFailed("weak_password", str(error)) from None


def _tell(user: User, message: str, as_json: bool) -> None:
    if as_json:
        emit(user_document(user))
    else:
        page.print(message, highlight=False)


def _print_link(url: str, as_json: bool) -> None:
    if as_json:
        emit({"link": url})
    else:
        page.print(f"{ONCE} {url}", highlight=False, soft_wrap=True)


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("name", "role", "signs in by", "sessions", "last sign-in", box=SIMPLE, pad_edge=False)
    for user in found:
        last = (user["signed_in_at"] or "never")[:16].replace("T", " ")
        cells = (user["name"], user["role"], user["signs_in_by"], str(user["sessions"]), last)
        table.add_row(*(escape(cell) for cell in cells))
    return table
