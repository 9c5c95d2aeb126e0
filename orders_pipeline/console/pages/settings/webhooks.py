"""Webhooks: endpoints to which events are sent. A secret is shown only once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Admin
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import EventType
from orders_pipeline.console.pages.settings.frame import SETTINGS, settings_page
from orders_pipeline.console.rendering.forms import Field, gone_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.events import actions
from orders_pipeline.events.destinations import ForbiddenDestination, Reach
from orders_pipeline.events.endpoints import (
    TooManyEndpointsError,
    UnknownEndpointError,
    endpoint_document,
    list_endpoints,
)
from orders_pipeline.events.trying_out import send_test_event
from orders_pipeline.store.engine import reading

PAGE = f"{SETTINGS}/webhooks"
LARGEST_WEBHOOK = 2**31 - 1
router = APIRouter(prefix=PAGE, route_class=KeyBeforeBody)
Id = Annotated[int, Form(ge=1, le=LARGEST_WEBHOOK)]


@router.get("")
def show_webhooks(view: Shown, _admin: Admin, done: str = "") -> Response:
    """Lists all webhooks."""
    return _page(view, done=done)


@router.post("/add")
def add(
    view: Shown, admin: Admin, url: Field, events: Annotated[list[EventType] | None, Form()] = None
) -> Response:
    """Adds a webhook and shows its secret."""
    if not events:
        return _page(view, wrong=texts().settings.webhooks.no_events)
    try:
        _, secret = actions.add(view.context.engine, url, events, 1, _reach(view), admin.actor)
    except (ForbiddenDestination, TooManyEndpointsError) as error:
        return _page(view, wrong=str(error))
    return _page(view, secret=secret)


@router.post("/test")
def test(view: Shown, _admin: Admin, webhook: Id) -> Response:
    """Sends a test event."""
    try:
        tried = send_test_event(view.context.engine, webhook, _reach(view))
    except UnknownEndpointError as error:
        raise Refused(404, str(error)) from None
    return _page(view, wrong=tried.error) if tried.error else gone_to(PAGE, done="tested")


@router.post("/rotate")
def rotate(view: Shown, admin: Admin, webhook: Id) -> Response:
    """Replaces the secret of a webhook and shows the new one."""
    try:
        with view.context.engine.begin() as connection:
            secret = actions.rotate(connection, webhook, admin.actor)
    except UnknownEndpointError as error:
        raise Refused(404, str(error)) from None
    return _page(view, secret=secret)


@router.post("/remove")
def remove(view: Shown, admin: Admin, webhook: Id) -> Response:
    """Removes a webhook."""
    try:
        with view.context.engine.begin() as connection:
            actions.remove(connection, webhook, admin.actor)
    except UnknownEndpointError as error:
        raise Refused(404, str(error)) from None
    return gone_to(PAGE, done="removed")


def _reach(view: View) -> Reach:
    return Reach.of(view.context.settings.webhook_networks)


def _page(view: View, done: str = "", wrong: str = "", secret: str = "") -> Response:
    with reading(view.context.engine) as connection:
        listed = [endpoint_document(one) for one in list_endpoints(connection)]
    message = getattr(texts().settings.webhooks.done, done, "") if done else ""
    return settings_page(
        view,
        "webhooks",
        422 if wrong else 200,
        webhooks=listed,
        types=list(EventType),
        secret=secret,
        done=message,
        wrong=wrong,
    )
