"""Captures of authorized orders. A running `orders up` takes them to the gateway."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import REFUSALS, Operator
from orders_pipeline.api.context import Context
from orders_pipeline.api.known import require_known_choice
from orders_pipeline.api.models.actions import NO_JSON, Capture, CapturesWanted
from orders_pipeline.api.models.responses import Answer, Failure, Responses
from orders_pipeline.api.protocol.answers import done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.captures.request import held, request_captures
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/captures", tags=["captures"], route_class=KeyBeforeBody)
ACTING: Responses = {**NO_JSON, **REFUSALS, 404: {"model": Failure, "description": "No such order or file."}}
NOTHING_CHOSEN = "Name the orders, select them by `file` or `source`, or set `all`."


@router.post("", status_code=202, response_model=Answer[CapturesWanted], responses=ACTING)
def capture(context: Context, caller: Operator, choice: Capture) -> Response:
    """Requests the capture of authorized orders. A running `orders up` sends it to the gateway."""
    chosen = choice.chosen()
    if chosen == Chosen() and not choice.all:
        raise Refused(422, NOTHING_CHOSEN)
    require_known_choice(context, chosen)
    with reading(context.engine) as connection:
        found = held(connection, chosen.to_capture())
    document = {"dry_run": choice.dry_run, "orders": found.orders, "amounts": found.amounts}
    if not choice.dry_run:
        wanted = request_captures(context.engine, chosen.to_capture(), chosen.selection(), caller.actor)
        document["orders"] = wanted.orders
    return done(document, 200 if choice.dry_run else 202)
