"""Whether the money of orders reaches the bank: the store, provider reports and bank statements compared."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from orders_pipeline.api.context import ApiContext, Context, Days
from orders_pipeline.api.models.responses import Answer
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.payouts.documents import Document, reconciliation_document
from orders_pipeline.payouts.findings import State, Subject
from orders_pipeline.payouts.periods import Period
from orders_pipeline.payouts.reconciling import reconcile
from orders_pipeline.store.engine import reading

router = APIRouter(tags=["payouts"])


class Finding(BaseModel):
    """What was found of one kind in one currency."""

    subject: Subject = Field(description="What was compared.")
    state: State = Field(description="How the two sides compare.")
    currency: str = Field(description="ISO 4217 code of the amounts.", examples=["USD"])
    count: int = Field(description="How many there are.", examples=[3])
    expected: float = Field(description="Expected sum.", examples=[153.0])
    found: float = Field(description="Actual sum.", examples=[102.0])
    difference: float = Field(description="Found less expected.", examples=[-51.0])
    action: str = Field(description="What to do about it; empty if nothing.")
    examples: list[dict[str, Any]] = Field(description="Some of them, with order, payout, file and line.")


class Reconciliation(BaseModel):
    """The result of a reconciliation."""

    ok: bool = Field(description="Whether there are no findings.")
    reported_until: str | None = Field(
        description="Time of the newest line of a provider's report.", examples=["2025-11-12T12:00:00+00:00"]
    )
    bank_until: str | None = Field(
        description="End of the newest bank statement.", examples=["2025-11-12T22:59:59+00:00"]
    )
    differences: dict[str, float] = Field(
        description="Amounts that the findings do not explain, by currency; should be 0. Empty if days are "
        "given.",
        examples=[{"USD": 0.0}],
    )
    findings: list[Finding] = Field(description="Findings that a person has to act on.")
    fine: list[Finding] = Field(description="Amounts that agree or are not due yet.")


@router.get("/reconciliation", response_model=Answer[Reconciliation])
def reconciliation(request: Request, context: Context, days: Days) -> Response:
    """Compares payments, refunds and disputes with the provider's reports, and payouts with the bank.

    Without days: all since the first report.
    """
    return answer(request, reconciled(context, days))


def reconciled(context: ApiContext, days: Days) -> Document:
    """The reconciliation of these days."""
    settings = context.settings
    period = Period(*days, settings.zone, settings.payout_days)
    with reading(context.engine) as connection:
        return reconciliation_document(reconcile(connection, period))
