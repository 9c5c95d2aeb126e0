"""Keys of the HTTP API. A new one is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from orders_pipeline.access.api_keys import (
    BadKeyNameError,
    KeyExistsError,
    UnknownKeyError,
    create_key,
    key_document,
    list_keys,
    revoke_key,
)
from orders_pipeline.access.audit import record_action
from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Admin
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import Scope
from orders_pipeline.console.pages.settings.frame import SETTINGS, settings_page
from orders_pipeline.console.rendering.forms import Field, gone_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.store.engine import reading

PAGE = f"{SETTINGS}/keys"
router = APIRouter(prefix=PAGE, route_class=KeyBeforeBody)
Days = Annotated[str, Form(pattern=r"^([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|36[0-4][0-9]|3650)?$")]


@router.get("")
def show_keys(view: Shown, _admin: Admin, done: str = "") -> Response:
    """Lists all keys, without their secrets."""
    return _page(view, done=done)


@router.post("/create")
def create(
    view: Shown, admin: Admin, name: Field, scope: Annotated[Scope, Form()], days: Days = ""
) -> Response:
    """Creates a key and shows it."""
    lifetime = timedelta(days=int(days)) if days else None
    try:
        with view.context.engine.begin() as connection:
            key = create_key(connection, name, scope, lifetime)
            ends = {"days": int(days)} if days else {}
            record_action(connection, admin.actor, "keys.create", name, scope=scope, **ends)
    except BadKeyNameError as error:
        return _page(view, wrong=str(error))
    except KeyExistsError:
        return _page(view, wrong=texts().settings.keys.exists)
    return _page(view, new=(name, key))


@router.post("/revoke")
def revoke(view: Shown, admin: Admin, name: Field) -> Response:
    """Revokes a key."""
    try:
        with view.context.engine.begin() as connection:
            revoke_key(connection, name)
            record_action(connection, admin.actor, "keys.revoke", name)
    except UnknownKeyError as error:
        raise Refused(404, str(error)) from None
    return gone_to(PAGE, done="revoked")


def _page(view: View, done: str = "", wrong: str = "", new: tuple[str, str] | None = None) -> Response:
    with reading(view.context.engine) as connection:
        keys = [key_document(key) for key in list_keys(connection)]
    message = getattr(texts().settings.keys.done, done, "") if done else ""
    scopes = [(scope, getattr(texts().settings.scopes, scope)) for scope in Scope]
    return settings_page(
        view, "keys", 422 if wrong else 200, keys=keys, scopes=scopes, new=new, done=message, wrong=wrong
    )
