"""Events of the payment gateway. Their signature takes the place of an API key."""

from __future__ import annotations

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.responses import Response

from orders_pipeline.api.callers.rate_limit import address_of
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.models.responses import Answer, Failure, GatewayEvent, GatewayEventVerdict, Responses
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import GatewayEventStatus
from orders_pipeline.payments.connect import stripe_account
from orders_pipeline.payments.gateway import ProviderEvent
from orders_pipeline.refunds.gateway_events.event_effects import CHANGES_NOTHING
from orders_pipeline.refunds.gateway_events.gateway_events import EventUnreadableError, SentEvent, list_events
from orders_pipeline.store.engine import reading

PATH = "/gateway/events"
STRIPE_SIGNATURE = "stripe-signature"
router = APIRouter(tags=["refunds"])
# A separate router: it requires a signature instead of a key, and limits only wrong signatures.
signed_router = APIRouter(tags=["refunds"])
MOST_BYTES = 64 * 1024
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
LONGEST_ID = 255
REFUSALS: Responses = {
    400: {
        "model": Failure,
        "description": "A `webhook-` header is missing, or the body is not an event.",
    },
    401: {"model": Failure, "description": "The signature is wrong, or more than five minutes old."},
    404: {"model": Failure, "description": "ORDERS_PAYMENT_WEBHOOK_SECRET is not set."},
    413: {"model": Failure, "description": "The body is larger than 64 KiB."},
}
IN_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "data"],
                    "properties": {"type": {"type": "string"}, "data": {"type": "object"}},
                }
            }
        },
    },
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in HEADERS
    ],
}


@signed_router.post(
    PATH, response_model=Answer[GatewayEventVerdict], responses=REFUSALS, openapi_extra=IN_OPENAPI
)
async def receive_gateway_event(request: Request, context: Context) -> Response:
    """Receives a signed event of the payment gateway. Repetitions change nothing.

    The answer comes once the event is stored; it is carried out within about a second.

    It is signed according to Standard Webhooks, or as Stripe signs events (`Stripe-Signature`).
    """
    from_stripe = STRIPE_SIGNATURE in request.headers
    secret = "ORDERS_STRIPE_WEBHOOK_SECRET" if from_stripe else "ORDERS_PAYMENT_WEBHOOK_SECRET"
    if not getattr(context.settings, secret.removeprefix("ORDERS_").lower()):
        await run_sync(request.app.state.rate_limit.count, address_of(request))
        raise Refused(404, f"Events are not accepted, because {secret} is not set.")
    signed = await (_signed_by_stripe if from_stripe else _signed)(request, context)
    if signed.body is None:
        why = signed.why or CHANGES_NOTHING
        return done({"id": signed.id, "status": GatewayEventStatus.IGNORED, "reason": why})
    try:
        event = SentEvent.read(signed.id, signed.body)
    except EventUnreadableError as error:
        raise Refused(400, str(error)) from None
    verdict = await context.gateway_events.receive(event)
    return done({"id": event.id, "status": verdict.status, "reason": verdict.reason})


@router.get(PATH, response_model=Answer[list[GatewayEvent]])
def gateway_event_list(
    request: Request,
    context: Context,
    status: Annotated[GatewayEventStatus | None, Query(description="Only with this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many, at most.")] = 100,
) -> Response:
    """Events of the payment gateway, the newest first. Those that cannot be applied yet are `waiting`."""
    with reading(context.engine) as connection:
        return answer(request, list_events(connection, status, limit))


def _event_id(request: Request) -> str:
    shown = [request.headers.get(name, "") for name in HEADERS]
    if not all(shown) or len(shown[0]) > LONGEST_ID or not shown[0].isprintable():
        raise Refused(400, f"An event needs the headers {', '.join(HEADERS)}.")
    return shown[0]


async def _body(request: Request) -> str:
    arrived = b""
    async for part in request.stream():
        arrived += part
        if len(arrived) > MOST_BYTES:
            raise Refused(413, "The body is larger than 64 KiB.", {"Connection": "close"})
    try:
        return arrived.decode()
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8.") from None


async def _signed(request: Request, context: ApiContext) -> ProviderEvent:
    """An event that is signed according to Standard Webhooks."""
    event_id, body = _event_id(request), await _body(request)
    shown = {name: request.headers[name] for name in HEADERS}
    try:
        Webhook(context.settings.payment_webhook_secret).verify(body, shown, json_parse=False)
    except (WebhookVerificationError, ValueError) as error:
        raise await _not_signed(request) from error
    return ProviderEvent(event_id, body)


async def _signed_by_stripe(request: Request, context: ApiContext) -> ProviderEvent:
    from orders_pipeline.payments.backends.stripe.events import (  # noqa: PLC0415 an optional client
        NotSigned,
        signed_event,
    )

    body, signature, settings = await _body(request), request.headers[STRIPE_SIGNATURE], context.settings
    live = stripe_account(settings).is_live if settings.uses_stripe else None
    try:
        return signed_event(body, signature, settings.stripe_webhook_secret, live)
    except NotSigned as error:
        raise await _not_signed(request) from error


async def _not_signed(request: Request) -> Refused:
    """The refusal of a wrong signature. Only those are limited, so no forger keeps the gateway out."""
    limit, address = request.app.state.rate_limit, address_of(request)
    await run_sync(limit.refuse_guessing, address)
    await run_sync(limit.count_wrong_key, address)
    return Refused(401, "The signature is wrong, or too old.")
