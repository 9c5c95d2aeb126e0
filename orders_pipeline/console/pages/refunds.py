"""The list of refunds and disputes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.api.context import Days, OnlyCurrency
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.refunds.listing import RefundFilter, list_refunds
from orders_pipeline.refunds.requests.asked import UnknownRefundError
from orders_pipeline.store.engine import reading

router = APIRouter()
PAGE = 50


@router.get("/refunds")
def refunds(
    view: Shown,
    days: Days,
    currency: OnlyCurrency,
    status: Annotated[RefundStatus | None, Query()] = None,
    kind: Annotated[RefundKind | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Lists refunds and disputes, newest first."""
    first, last = days
    zone = view.context.settings.zone
    wanted = RefundFilter(status, kind, currency=currency, first=first, last=last, zone=zone, before=cursor)
    with reading(view.context.engine) as connection:
        try:
            found = list_refunds(connection, wanted, PAGE + 1)
        except UnknownRefundError as error:
            raise Refused(422, f"cursor: {error}") from None
    return view.page(
        "refunds.html",
        "orders",
        rows=found[:PAGE],
        more=found[PAGE - 1]["refund_id"] if len(found) > PAGE else None,
        statuses=[(one.value, one.value.capitalize()) for one in RefundStatus],
        kinds=[(one.value, one.value.capitalize()) for one in RefundKind],
        is_filtered=any((status, kind, first, last, currency)),
    )
