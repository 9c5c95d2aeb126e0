"""The audit log, and the key of the request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from orders_pipeline.access.audit import ActionFilter, action_document, list_actions
from orders_pipeline.api.callers.access import REFUSALS, Reader
from orders_pipeline.api.context import Context
from orders_pipeline.api.models.responses import Action, Answer, KeyHolder
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.store.engine import reading

router = APIRouter(tags=["access"], responses=REFUSALS)
# A router of its own, because it is not rate limited: a proxy asks it for each request with a key.
key_router = APIRouter(tags=["access"], responses=REFUSALS)
LARGEST_ID = 2**53


@key_router.get("/key", response_model=Answer[KeyHolder])
def key(request: Request, caller: Reader) -> Response:
    """Name and scopes of the key in this request."""
    return answer(request, {"name": caller.name, "scopes": sorted(caller.scopes)})


@router.get("/audit", response_model=Answer[list[Action]])
def audit(
    request: Request,
    context: Context,
    _caller: Reader,
    actor: Annotated[str | None, Query(description="Who acted, such as cli:alice or key:deploy.")] = None,
    action: Annotated[str | None, Query(description="Prefix of the action, such as orders.retry.")] = None,
    target: Annotated[
        str | None,
        Query(description="Object of the action: a file's partition key, a SKU or the name of an API key."),
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="From this time on.")] = None,
    before: Annotated[
        int | None,
        Query(ge=0, le=LARGEST_ID, description="Return only actions older than the action with this id."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many, at most.")] = 100,
) -> Response:
    """Actions of operators, the newest first. For the next page, send the last id as `before`."""
    wanted = ActionFilter(actor, action, target, to_microseconds(since) if since else None, before)
    with reading(context.engine) as connection:
        return answer(request, [action_document(one) for one in list_actions(connection, wanted, limit)])
