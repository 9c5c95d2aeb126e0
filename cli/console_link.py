"""Links that sign the user of this machine in to the console, once."""

from __future__ import annotations

from sqlalchemy import Connection

from cli.context import actor, open_store
from cli.failure import CommandFailed
from cli.stack.stack import api_url
from orders_pipeline.access.audit import record_action
from orders_pipeline.access.sign_in_links import make_link
from orders_pipeline.access.users import BadNameError, UnknownUserError, User, add_user, find_user, get_user
from orders_pipeline.base.model import Role
from orders_pipeline.base.settings import Settings

# Used if the name of the system's user is not valid for a user of the console.
NAMELESS = "operator"


def console_url(settings: Settings) -> str:
    """Returns the address of the console on this machine."""
    return api_url(settings).removesuffix("/api")


def own_link(settings: Settings) -> str:
    """Returns a link for the user who runs this command: the owner of the home, who is an administrator."""
    runs = actor()
    with open_store(settings) as engine, engine.begin() as connection:
        name = runs.removeprefix("cli:")
        try:
            user = _own_user(connection, name)
        except BadNameError:
            user = _own_user(connection, NAMELESS)
        link = make_link(connection, user, console_url(settings))
        record_action(connection, runs, "users.link", user.name)
    return link


def _own_user(connection: Connection, name: str) -> User:
    if (found := find_user(connection, name)) is not None:
        return found
    user = add_user(connection, name, Role.ADMIN)
    record_action(connection, actor(), "users.add", user.name, role=user.role)
    return user


def link_of(settings: Settings, name: str) -> str:
    """Returns a link for a user of the console."""
    with open_store(settings) as engine, engine.begin() as connection:
        try:
            user = get_user(connection, name)
        except UnknownUserError as error:
            raise CommandFailed("unknown_user", str(error), "`orders users list` shows all users.") from None
        link = make_link(connection, user, console_url(settings))
        record_action(connection, actor(), "users.link", user.name)
    return link
