"""The page of failed work, grouped by cause, each with the action that resolves it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.base.model import FailureReason
from orders_pipeline.console.rendering.rendering import Shown, url
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.store.engine import reading

router = APIRouter()
SHOWN = 50
# Orders with these reasons were cancelled on purpose, so no retry is offered.
FINAL = {FailureReason.CANCELLED}
STOCK = {FailureReason.OUT_OF_STOCK, FailureReason.UNKNOWN_PRODUCT}


@router.get("/failed")
def failed(view: Shown) -> Response:
    """Shows the causes of failed orders, failed steps and imports, and files in quarantine."""
    with reading(view.context.engine) as connection:
        by_cause = failed_work(connection, Wanted(Kind.ORDERS), 1)["counts"][Kind.ORDERS]
        parts = {
            kind: failed_work(connection, Wanted(kind), SHOWN)[kind]
            for kind in (Kind.STEPS, Kind.IMPORTS, Kind.FILES)
        }
    causes = [
        {
            "reason": reason,
            "orders": number,
            "list": url("/orders", reason=reason),
            "retry": None if reason in FINAL else url("/actions/retry", reason=reason),
            "stock": reason in STOCK,
        }
        for reason, number in by_cause.items()
    ]
    return view.page("failed.html", "failed", causes=causes, **parts)
