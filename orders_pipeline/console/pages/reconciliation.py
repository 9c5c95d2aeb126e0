"""What of the money is missing between the store, the payment provider and the bank."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.context import Days
from orders_pipeline.api.endpoints.reconciliation import reconciled
from orders_pipeline.console.rendering.rendering import Shown

router = APIRouter()
# It reads all payments of the days, so many viewers share one result.
KEPT_SECONDS = 30


@router.get("/reconciliation")
def reconciliation(view: Shown, days: Days) -> Response:
    """Findings with what to do, then what agrees."""
    name = f"reconciliation {days}"
    found = view.shared.newest(name, lambda: reconciled(view.context, days), KEPT_SECONDS)
    return view.page("reconciliation.html", "orders", found=found, is_filtered=any(days))
