"""Failed work, and the actions on it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import REFUSALS, Operator
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.known import require_known_choice
from orders_pipeline.api.models.actions import MOST_CHARACTERS, NO_JSON, Acted, Cancel, FailedWork, Retry
from orders_pipeline.api.models.responses import Answer, Failure, Responses
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen, counted, preview
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.failed_work.stalled import retry_stalled, stalled_imports
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/failed", tags=["failed work"], route_class=KeyBeforeBody)
LARGEST_OFFSET = 2**53
ACTING: Responses = {**NO_JSON, **REFUSALS, 404: {"model": Failure, "description": "No such order or file."}}
NOTHING_CHOSEN = "Name the orders, select them by a condition, or set `all`."
Text = Annotated[str | None, Query(max_length=MOST_CHARACTERS, pattern=r"^[^\x00]*$")]


@router.get("", response_model=Answer[FailedWork])
def failed(
    request: Request,
    context: Context,
    kind: Annotated[Kind | None, Query(description="Only these.")] = None,
    reason: Text = None,
    file: Text = None,
    source: Text = None,
    step: Text = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Only work that failed at or after this time.")
    ] = None,
    text: Text = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Maximum number of each kind.")] = 20,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Number of each kind to skip.")] = 0,
) -> Response:
    """Failed orders, failed steps with stack traces, and stalled and refused imports, the newest first."""
    since_us = to_microseconds(since) if since else None
    wanted = Wanted(kind, reason, file, source, step, since_us, text)
    with reading(context.engine) as connection:
        return answer(request, failed_work(connection, wanted, limit, offset))


@router.post("/retry", response_model=Answer[Acted], responses=ACTING)
def retry(context: Context, caller: Operator, choice: Retry) -> Response:
    """Retries failed orders, or stalled imports. A running `orders up` launches them."""
    chosen = choice.chosen()
    if choice.stalled:
        return done(_retry_stalled(context, choice, chosen, caller.actor))
    if chosen == Chosen() and not choice.all:
        raise Refused(422, NOTHING_CHOSEN)
    require_known_choice(context, chosen)
    document = _previewed(choice.dry_run, counted(preview(context.engine, chosen.to_retry())))
    if not choice.dry_run:
        size = context.settings.transaction_orders
        retried = retry_orders(context.engine, chosen, size, caller.actor)
        document |= {
            "orders": sum(retried.values()),
            "imports": [key for key, number in retried.items() if number],
        }
    return done(document)


@router.post("/cancel", response_model=Answer[Acted], responses=ACTING)
def cancel(context: Context, caller: Operator, choice: Cancel) -> Response:
    """Cancels orders that are not charged or captured yet. Reserved units return to stock."""
    chosen = choice.chosen()
    if not (chosen.numbers or chosen.key):
        raise Refused(422, "Name the orders, or select a file by `file`.")
    require_known_choice(context, chosen)
    document = _previewed(choice.dry_run, counted(preview(context.engine, chosen.to_cancel())))
    document["imports"] = []
    if not choice.dry_run:
        size = context.settings.transaction_orders
        document["orders"] = cancel_orders(context.engine, chosen, choice.because, size, caller.actor).orders
    return done(document)


def _retry_stalled(context: ApiContext, choice: Retry, chosen: Chosen, actor: str) -> dict[str, Any]:
    if chosen != Chosen(key=choice.file, source=choice.source) or choice.all:
        raise Refused(422, "stalled: combines with file and source only")
    require_known_choice(context, chosen)
    keys = stalled_imports(context.engine, choice.file, choice.source)
    document = _previewed(choice.dry_run, counted([]))
    return {**document, "imports": keys if choice.dry_run else retry_stalled(context.engine, keys, actor)}


def _previewed(dry_run: bool, counts: dict[str, Any]) -> dict[str, Any]:
    return {"dry_run": dry_run, **counts, "imports": list(counts["by_file"])}
