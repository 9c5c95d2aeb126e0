"""Refunds: requested, listed, and the actions on them. A running `orders up` takes them to the gateway."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.api.bodies import MoneyInBody
from orders_pipeline.api.callers.access import REFUSALS, Caller, Operator
from orders_pipeline.api.context import ApiContext, Context, Days, OnlyCurrency
from orders_pipeline.api.models.actions import MOST_CHARACTERS, NO_JSON
from orders_pipeline.api.models.refunds import Refund, RefundStats, WantedRefund
from orders_pipeline.api.models.responses import Answer, Failure, Refusal, Responses
from orders_pipeline.api.protocol import idempotency
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.api.protocol.idempotency import IdempotencyKey
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.refunds.actions import RefundAction, act
from orders_pipeline.refunds.listing import (
    Document,
    RefundFilter,
    list_refunds,
    refund_document,
    refund_stats,
    refunds_on,
)
from orders_pipeline.refunds.requests.asked import RefundAsked, RefundRefused, UnknownRefundError
from orders_pipeline.refunds.requests.request import request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/refunds", tags=["refunds"], route_class=MoneyInBody)
NO_SUCH_REFUND: Responses = {404: {"model": Failure, "description": "No such refund."}}
ASKING: Responses = {
    **NO_JSON,
    **REFUSALS,
    **idempotency.REFUSALS,
    404: {"model": Refusal, "description": "No such order."},
    422: {
        "model": Failure,
        "description": "The body is invalid, the order does not allow the refund, or the key was used for"
        " another request. `code` says which.",
    },
}
ACTING: Responses = {
    **REFUSALS,
    **NO_SUCH_REFUND,
    409: {"model": Refusal, "description": "The status of the refund does not allow it."},
}
# 409 tells clients to send a request again; what an order does not allow is 422.
ASKING_STATUS = {"order_unknown": 404}
ACTING_STATUS = {"same_operator": 403}
Text = Annotated[str | None, Query(max_length=MOST_CHARACTERS)]


@router.post(
    "",
    status_code=201,
    response_model=Answer[Refund],
    responses=ASKING,
    openapi_extra=idempotency.IN_OPENAPI,
)
def request_refund(context: Context, caller: Operator, key: IdempotencyKey, wanted: WantedRefund) -> Response:
    """Requests a refund, or books a dispute or a refund that was made elsewhere."""
    asked = wanted.asked(key)
    if contradiction := asked.contradiction:
        raise Refused(422, contradiction)
    with context.keys_at_work.working_on(key):
        return done(_enter(context, asked, caller), 201)


@router.get("", response_model=Answer[list[Refund]])
def refunds(
    request: Request,
    context: Context,
    days: Days,
    currency: OnlyCurrency,
    status: Annotated[RefundStatus | None, Query(description="Only with this status.")] = None,
    kind: Annotated[RefundKind | None, Query(description="Only of this kind.")] = None,
    order: Text = None,
    source: Text = None,
    before: Annotated[
        str | None, Query(description="Return only refunds older than the refund with this id.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many, at most.")] = 100,
) -> Response:
    """Refunds and disputes, the newest first. For the next page, send the last `refund_id` as `before`."""
    first, last = days
    zone = context.settings.zone
    wanted = RefundFilter(
        status,
        kind,
        order,
        source,
        currency=currency,
        first=first,
        last=last,
        zone=zone,
        before=before,
    )
    with reading(context.engine) as connection:
        try:
            found = list_refunds(connection, wanted, limit)
        except UnknownRefundError as error:
            raise Refused(422, f"before: {error}") from None
    return answer(request, found)


@router.get("/stats", response_model=Answer[RefundStats])
def refund_statistics(request: Request, context: Context) -> Response:
    """Number and sums of refunds by status and currency, and what completed today."""
    with reading(context.engine) as connection:
        numbers = {**refund_stats(connection), "today": refunds_on(connection, context.today())}
    return answer(request, {**numbers, "timestamp": to_datetime(now_us()).isoformat()})


@router.get("/{refund_id}", response_model=Answer[Refund], responses=NO_SUCH_REFUND)
def one_refund(request: Request, context: Context, refund_id: str) -> Response:
    """A refund or dispute."""
    with reading(context.engine) as connection:
        return answer(request, _known(connection, refund_id))


@router.post("/{refund_id}/cancel", response_model=Answer[Refund], responses=ACTING)
def cancel_refund(context: Context, caller: Operator, refund_id: str) -> Response:
    """Cancels a pending refund. Its amount can be refunded again."""
    return done(_act(context, RefundAction.CANCEL, refund_id, caller))


@router.post("/{refund_id}/retry", response_model=Answer[Refund], responses=ACTING)
def retry_refund(context: Context, caller: Operator, refund_id: str) -> Response:
    """Asks the gateway again for a failed refund."""
    return done(_act(context, RefundAction.RETRY, refund_id, caller))


@router.post("/{refund_id}/approve", response_model=Answer[Refund], responses=ACTING)
def approve_refund(context: Context, caller: Operator, refund_id: str) -> Response:
    """Approves a refund above ORDERS_REFUND_LIMIT that another key or operator requested."""
    return done(_act(context, RefundAction.APPROVE, refund_id, caller))


def _enter(context: ApiContext, asked: RefundAsked, caller: Caller) -> Document:
    (entered,) = request_refunds(context.engine, [asked], RefundTerms.of(context.settings), caller.actor)
    if isinstance(entered, RefundRefused):
        raise _refused(entered, ASKING_STATUS.get(entered.code, 422))
    with reading(context.engine) as connection:
        return refund_document(connection, entered.refund_id)


def _act(context: ApiContext, action: RefundAction, refund_id: str, caller: Caller) -> Document:
    try:
        acted = act(context.engine, action, [refund_id], caller.actor)
    except UnknownRefundError as error:
        raise Refused(404, str(error)) from None
    for why in acted.refused:
        raise _refused(why, ACTING_STATUS.get(why.code, 409))
    with reading(context.engine) as connection:
        return refund_document(connection, refund_id)


def _known(connection: Connection, refund_id: str) -> Document:
    try:
        return refund_document(connection, refund_id)
    except UnknownRefundError as error:
        raise Refused(404, str(error)) from None


def _refused(why: RefundRefused, status: int) -> Refused:
    return Refused(status, why.message, fields={"code": why.code, "hint": why.hint})
