"""Webhooks: endpoints of other systems that are sent events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import REFUSALS, Admin
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.models.actions import NO_JSON, Id, Text
from orders_pipeline.api.models.responses import Answer, Failure, Responses
from orders_pipeline.api.protocol.answers import done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.model import EventType
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

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=KeyBeforeBody)
LARGEST_WEBHOOK = 2**31 - 1
WebhookId = Annotated[int, Path(ge=1, le=LARGEST_WEBHOOK, description="Id of the webhook.")]
ASKING: Responses = {**NO_JSON, **REFUSALS}
ACTING: Responses = {**REFUSALS, 404: {"model": Failure, "description": "There is no such webhook."}}


class NewWebhook(BaseModel):
    """Where events are sent, and which."""

    model_config = ConfigDict(extra="forbid")

    url: Text = Field(
        description="URL of the endpoint: public, with https.", examples=["https://shop.example.com/orders"]
    )
    events: list[EventType] = Field(min_length=1, max_length=50, examples=[["order.completed"]])
    batch_size: int = Field(1, ge=1, le=MOST_IN_BATCH, description="Maximum number of events in one request.")


class Replay(BaseModel):
    """Which events are sent again: all failed deliveries, some of them, or all events since a time."""

    model_config = ConfigDict(extra="forbid")

    events: list[Id] = Field([], max_length=1000, description="Only these failed events.")
    since: AwareDatetime | None = Field(None, description="All events since this time instead.")


class Webhook(BaseModel):
    """An endpoint that is sent events."""

    id: int
    url: str
    events: list[str]
    batch_size: int
    created_at: str
    failures: int = Field(description="Failed requests in a row, since the last success.")
    failing_since: str | None
    last_error: str | None
    last_success_at: str | None


class WebhookWithSecret(Webhook):
    """A new webhook. The secret is not shown again."""

    secret: str = Field(description="Signs each request according to Standard Webhooks.")


class Secret(BaseModel):
    """A new secret. It is not shown again."""

    id: int
    secret: str


class TriedOut(BaseModel):
    """The outcome of a test event."""

    webhook: int
    error: str | None = Field(description="Why the event was not accepted; null if it was.")


class FailedEvent(BaseModel):
    """An event that could not be delivered within three days."""

    webhook: int
    event: int
    type: str
    subject: str
    at: str
    tries: int
    failed_at: str
    error: str | None


class Removed(BaseModel):
    """The webhook that was removed."""

    id: int


class Number(BaseModel):
    """How many events."""

    events: int


@router.get("", response_model=Answer[list[Webhook]], responses=dict(REFUSALS))
def webhooks(context: Context, _caller: Admin) -> Response:
    """All webhooks, the oldest first, without their secrets."""
    with reading(context.engine) as connection:
        return done([endpoint_document(one) for one in list_endpoints(connection)])


@router.post("", response_model=Answer[WebhookWithSecret], status_code=201, responses=ASKING)
def add_webhook(context: Context, caller: Admin, new: NewWebhook) -> Response:
    """Adds a webhook. The answer contains its secret, which cannot be shown again."""
    try:
        endpoint, secret = actions.add(
            context.engine, new.url, new.events, new.batch_size, _reach(context), caller.actor
        )
    except (ForbiddenDestination, TooManyEndpointsError) as error:
        raise Refused(422, str(error)) from None
    return done({**endpoint_document(endpoint), "secret": secret}, 201)


@router.get("/failed", response_model=Answer[list[FailedEvent]], responses=dict(REFUSALS))
def failed_events(
    context: Context,
    _caller: Admin,
    webhook: Annotated[
        int | None, Query(ge=1, le=LARGEST_WEBHOOK, description="Only of this webhook.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many, at most.")] = 100,
) -> Response:
    """Failed deliveries, the newest event first: events that could not be delivered within three days."""
    with reading(context.engine) as connection:
        return done(list_failed(connection, webhook, limit))


@router.delete("/{webhook}", response_model=Answer[Removed], responses=ACTING)
def remove_webhook(context: Context, caller: Admin, webhook: WebhookId) -> Response:
    """Removes a webhook. Events that it has not received yet are not sent."""
    with _changing(context) as connection:
        actions.remove(connection, webhook, caller.actor)
    return done({"id": webhook})


@router.post("/{webhook}/rotate", response_model=Answer[Secret], responses=ACTING)
def rotate_webhook(context: Context, caller: Admin, webhook: WebhookId) -> Response:
    """Replaces the secret of a webhook. For 24 hours, requests are signed with the old one, too."""
    with _changing(context) as connection:
        secret = actions.rotate(connection, webhook, caller.actor)
    return done({"id": webhook, "secret": secret})


@router.post("/{webhook}/test", response_model=Answer[TriedOut], responses=ACTING)
def try_webhook(context: Context, _caller: Admin, webhook: WebhookId) -> Response:
    """Sends a test event to a webhook now, and says whether the webhook accepted it."""
    with _known():
        return done(asdict(send_test_event(context.engine, webhook, _reach(context))))


@router.post("/{webhook}/replay", response_model=Answer[Number], responses={**NO_JSON, **ACTING})
def replay_webhook(context: Context, caller: Admin, webhook: WebhookId, choice: Replay) -> Response:
    """Replays the failed deliveries of a webhook, or all its events since a time."""
    since = to_microseconds(choice.since) if choice.since else None
    with _changing(context) as connection:
        number = actions.replay(connection, webhook, caller.actor, choice.events, since)
    return done({"events": number})


@router.post("/{webhook}/dismiss", response_model=Answer[Number], responses=ACTING)
def dismiss_webhook(context: Context, caller: Admin, webhook: WebhookId) -> Response:
    """Drops the failed deliveries of a webhook. They cannot be replayed afterwards."""
    with _changing(context) as connection:
        number = actions.dismiss(connection, webhook, caller.actor)
    return done({"events": number})


@contextmanager
def _changing(context: ApiContext) -> Iterator[Connection]:
    with _known(), context.engine.begin() as connection:
        yield connection


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except UnknownEndpointError as error:
        raise Refused(404, str(error)) from None


def _reach(context: ApiContext) -> Reach:
    return Reach.of(context.settings.webhook_networks)
