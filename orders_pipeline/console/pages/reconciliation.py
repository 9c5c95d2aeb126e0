"""The page Reconciliation: differences between the store, the payment provider and the bank.

And imported files.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.context import Days
from orders_pipeline.api.endpoints.payouts import Number, rejects_of
from orders_pipeline.api.endpoints.reconciliation import reconciled
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.payouts.files import list_files
from orders_pipeline.store.engine import reading

router = APIRouter()
# It reads all payments of the days, so many viewers share one result.
KEPT_SECONDS = 30
MOST_FILES = 50


@router.get("/reconciliation")
def reconciliation(view: Shown, days: Days) -> Response:
    """Findings with what to do, then what agrees."""
    name = f"reconciliation {days}"
    found = view.shared.newest(name, lambda: reconciled(view.context, days), KEPT_SECONDS)
    with reading(view.context.engine) as connection:
        files = list_files(connection, MOST_FILES)
    return view.page("reconciliation.html", "orders", found=found, is_filtered=any(days), files=files)


@router.get("/reconciliation/files/{number}")
def rejected_lines(view: Shown, number: Number) -> Response:
    """The rejected lines of a report or statement."""
    return view.page("payout_rejects.html", "orders", number=number, rejects=rejects_of(view.context, number))
