"""Users and their roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.access import users
from orders_pipeline.access.audit import record_action
from orders_pipeline.access.passwords import WeakPasswordError
from orders_pipeline.access.users import BadNameError, UnknownUserError, UserExistsError, user_document
from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Admin, Caller
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import Role
from orders_pipeline.console.pages.settings.frame import SETTINGS, settings_page
from orders_pipeline.console.rendering.forms import Field, Password, gone_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.store.engine import reading

PAGE = f"{SETTINGS}/users"
router = APIRouter(prefix=PAGE, route_class=KeyBeforeBody)
RoleField = Annotated[Role, Form()]


@router.get("")
def list_users(view: Shown, _admin: Admin, done: str = "") -> Response:
    """Lists all users."""
    return _page(view, done=done)


@router.post("/add")
def add_user(view: Shown, admin: Admin, name: Field, role: RoleField, password: Password = "") -> Response:
    """Adds a user."""
    try:
        with view.context.engine.begin() as connection:
            user = users.add_user(connection, name, role, password or None)
            record_action(connection, admin.actor, "users.add", user.name, role=role)
    except (BadNameError, UserExistsError, WeakPasswordError) as error:
        return _page(view, wrong=str(error))
    return gone_to(PAGE, done="added")


@router.post("/role")
def change_role(view: Shown, admin: Admin, name: Field, role: RoleField) -> Response:
    """Changes the role of a user."""
    with _changing(view, admin, name) as connection:
        user = users.set_role(connection, name, role)
        record_action(connection, admin.actor, "users.role", user.name, role=role)
    return gone_to(PAGE, done="role")


@router.post("/sign-out")
def sign_user_out(view: Shown, admin: Admin, name: Field) -> Response:
    """Ends all sessions of a user."""
    with _changing(view, None, name) as connection:
        user = users.get_user(connection, name)
        ended = users.sign_out(connection, user)
        record_action(connection, admin.actor, "users.sign_out", user.name, sessions=ended)
    return gone_to(PAGE, done="signed_out")


@router.post("/remove")
def remove_user(view: Shown, admin: Admin, name: Field) -> Response:
    """Removes a user."""
    with _changing(view, admin, name) as connection:
        user = users.remove_user(connection, name)
        record_action(connection, admin.actor, "users.remove", user.name)
    return gone_to(PAGE, done="removed")


@contextmanager
def _changing(view: View, not_own: Caller | None, name: str) -> Iterator[Connection]:
    """Yields a transaction, and converts errors about users to responses.

    Args:
        not_own: the caller, if the account must not be the caller's own, so that nobody can lock themselves
            out.

    Raises:
        Refused: 404, there is no such user; 422, the account is the caller's own.
    """
    if not_own and not_own.user and not_own.name == name.strip().lower():
        raise Refused(422, texts().settings.users.own)
    try:
        with view.context.engine.begin() as connection:
            yield connection
    except UnknownUserError as error:
        raise Refused(404, str(error)) from None


def _page(view: View, done: str = "", wrong: str = "") -> Response:
    with reading(view.context.engine) as connection:
        listed = [user_document(user) for user in users.list_users(connection)]
    message = getattr(texts().settings.users.done, done, "") if done else ""
    own = view.caller.name if view.caller and view.caller.user else ""
    roles = [(role, getattr(texts().settings.roles, role)) for role in Role]
    return settings_page(
        view, "users", 422 if wrong else 200, users=listed, roles=roles, own=own, done=message, wrong=wrong
    )
