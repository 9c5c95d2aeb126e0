"""Notices to customers: their history, and sending one again. No address is in any answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import REFUSALS, Operator
from orders_pipeline.api.context import Context, Day
from orders_pipeline.api.models.actions import LARGEST_ID, MOST_CHARACTERS
from orders_pipeline.api.models.responses import Answer, Failure, Responses
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import Notifications, NotificationStatus
from orders_pipeline.notifications.actions import StillOpenError, resend
from orders_pipeline.notifications.listing import (
    NotificationFilter,
    UnknownNotificationError,
    list_notifications,
    notification_stats,
)
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/notifications", tags=["notifications"], route_class=KeyBeforeBody)
MOST = 1_000
ACTING: Responses = {
    **REFUSALS,
    404: {"model": Failure, "description": "There is no such notice."},
    409: {"model": Failure, "description": "The notice has not ended."},
}
Words = Annotated[str | None, Query(min_length=1, max_length=MOST_CHARACTERS)]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many, at most.")]


class Notification(BaseModel):
    """A notice to a customer."""

    id: int
    order_number: str
    source: str
    customer_id: str
    type: str = Field(examples=["order.completed"])
    channel: str = Field(examples=["smtp"])
    status: str = Field(examples=["sent"])
    reason: str | None = Field(description="Why it was not sent, without any address.")
    attempts: int
    created_at: str
    next_try_at: str | None
    sent_at: str | None


class NotificationPage(BaseModel):
    """A page of the history of notices."""

    success: bool = True
    data: list[Notification]
    next: int | None = Field(description="`before` of the next page; null on the last one.")


class NotificationStats(BaseModel):
    """Numbers of notices, and whether they can be sent."""

    total: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_channel: dict[str, int]
    sent_today: int
    waiting_since: str | None = Field(description="When the oldest waiting notice was queued.")
    failing_since: str | None = Field(description="Since when the mail server accepts nothing.")
    last_error: str | None
    last_success_at: str | None
    timestamp: str


@router.get("", response_model=NotificationPage)
def notifications(
    request: Request,
    context: Context,
    kind: Annotated[
        str | None,
        Query(alias="type", max_length=MOST_CHARACTERS, description="Event, such as order.completed."),
    ] = None,
    channel: Annotated[Notifications | None, Query(description="Only by this channel.")] = None,
    status: Annotated[NotificationStatus | None, Query(description="Only with this status.")] = None,
    customer_id: Words = None,
    from_date: Annotated[Day | None, Query(description="First day, in the configured time zone.")] = None,
    to_date: Annotated[Day | None, Query(description="Last day, included.")] = None,
    before: Annotated[
        int | None, Query(ge=1, le=LARGEST_ID, description="`next` of the previous page.")
    ] = None,
    limit: Limit = 50,
) -> Response:
    """Notices to customers, the newest first."""
    wanted = NotificationFilter(
        kind,
        channel,
        status,
        customer_id,
        first=from_date,
        last=to_date,
        zone=context.settings.zone,
        before=before,
    )
    with reading(context.engine) as connection:
        found, more = list_notifications(connection, wanted, limit)
    return answer(request, found, next=more)


@router.get("/stats", response_model=Answer[NotificationStats])
def notification_statistics(request: Request, context: Context) -> Response:
    """Numbers of notices by status, type and channel, and whether they can be sent."""
    with reading(context.engine) as connection:
        return answer(request, notification_stats(connection, context.today(), context.settings.zone))


@router.get("/recent", response_model=Answer[list[Notification]])
def recent_notifications(request: Request, context: Context, limit: Limit = 10) -> Response:
    """The newest notices."""
    with reading(context.engine) as connection:
        return answer(request, list_notifications(connection, NotificationFilter(), limit)[0])


@router.get(
    "/order/{number:path}",
    response_model=Answer[list[Notification]],
    responses={404: {"model": Failure, "description": "The number has a line break, which no order has."}},
)
def notifications_of_order(
    request: Request,
    context: Context,
    number: Annotated[str, Path(max_length=MOST_CHARACTERS, description="Order number.")],
    source: Words = None,
) -> Response:
    """The notices of an order, the newest first; of each source, if several have the number."""
    wanted = NotificationFilter(order=number, source=source)
    with reading(context.engine) as connection:
        return answer(request, list_notifications(connection, wanted, MOST)[0])


@router.post("/{notification}/resend", response_model=Answer[Notification], responses=ACTING)
def resend_notification(
    context: Context,
    caller: Operator,
    notification: Annotated[int, Path(ge=1, le=LARGEST_ID, description="Id of the notice.")],
) -> Response:
    """Sends a notice again that has ended. A running `orders up` sends it."""
    try:
        with context.engine.begin() as connection:
            return done(resend(connection, notification, caller.actor))
    except UnknownNotificationError as error:
        raise Refused(404, str(error)) from None
    except StillOpenError as error:
        raise Refused(409, str(error)) from None
