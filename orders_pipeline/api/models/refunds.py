"""Request and response bodies of refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from orders_pipeline.api.models.actions import LARGEST_ID, Text
from orders_pipeline.base.model import PaymentMethod, RefundKind, RefundStatus
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked

# In minor units of any currency, more digits would not fit into 64 bits.
MOST_DIGITS = 14
Number = Annotated[Decimal, Field(max_digits=MOST_DIGITS)]
Sums = dict[str, float]


class WantedLine(BaseModel):
    """Units of a line to give back."""

    model_config = ConfigDict(extra="forbid")

    line: int = Field(ge=1, le=LARGEST_ID, description="Number of the line in the order.", examples=[1])
    quantity: Number | None = Field(None, description="Default: all units that are left.", examples=[2])


class WantedRefund(BaseModel):
    """What to give back. Without amount, lines and shipping: all that is left, with all units."""

    model_config = ConfigDict(extra="forbid")

    order: Text = Field(description="Order number.", examples=["1003"])
    source: Text | None = Field(
        None, description="Source of the order, if several sources have this number.", examples=[None]
    )
    amount: Number | None = Field(
        None,
        description="In the order's currency, as a number or a decimal string. No units are returned.",
        examples=["12.50"],
    )
    lines: list[WantedLine] = Field([], max_length=1000, description="Not combined with an amount.")
    shipping: Number = Field(
        Decimal(0), description="In addition to lines; with an amount: the part of it that is shipping."
    )
    reason: Text = Field(description="For the order's history.", examples=["late"])
    kind: RefundKind = Field(
        RefundKind.REFUND, description="dispute: the customer's bank took the money back."
    )
    fee: Number = Field(Decimal(0), description="Fee of a dispute, in addition to its amount.")
    recorded: bool = Field(False, description="The refund was made elsewhere, not through the gateway.")
    reference: Text | None = Field(
        None,
        description="Reference of the refund that was made elsewhere, or of the dispute.",
        examples=[None],
    )
    restock: bool = Field(True, description="Whether returned units go back into stock.")

    def asked(self, key: str) -> RefundAsked:
        """The request as a value of the core."""
        lines = tuple(LineAsked(line.line, line.quantity) for line in self.lines)
        return RefundAsked(**{**dict(self), "lines": lines}, key=key)


class RefundedLine(BaseModel):
    """Units of a line that a refund gives back."""

    line: int
    quantity: float = Field(examples=[2])
    amount: float = Field(examples=[20.0])


class Refund(BaseModel):
    """A refund or a dispute. Amounts are in its currency."""

    refund_id: str = Field(examples=["5f0c2a91d3b4e6f708192a3b"])
    order: str = Field(examples=["1003"])
    source: str = Field(examples=["default"])
    number: str = Field(description="The order's number, like `order`.", examples=["1003"])
    amount: float = Field(examples=[12.5])
    currency: str = Field(examples=["USD"])
    kind: RefundKind
    status: RefundStatus
    reason: str = Field(examples=["late"])
    requested_at: str = Field(examples=["2025-11-11T12:00:00.000+00:00"])
    settled_at: str | None = Field(description="When the outcome was known.", examples=[None])
    transaction_id: str | None = Field(
        description="At the gateway, or its reference elsewhere.", examples=[None]
    )
    failure: str | None = Field(description="Why it failed.", examples=[None])
    method: PaymentMethod
    shipping: float = Field(description="Part of the amount that is for no line.")
    fee: float = Field(description="Fee of a dispute, in addition to its amount.")
    restock: bool
    lines: list[RefundedLine]
    day: str | None = Field(description="KPI day of a completed refund.", examples=[None])
    requested_by: str = Field(examples=["key:shop"])
    needs_approval: bool
    approved_by: str | None = Field(examples=[None])


class RefundDay(BaseModel):
    """What completed on a day in one currency."""

    day: str = Field(examples=["2025-11-11"])
    currency: str = Field(examples=["USD"])
    refunds: int = Field(description="Number of refunds and disputes.")
    refunded: float
    disputed: float = Field(description="Disputes with their fees.")


class RefundStats(BaseModel):
    """Refunds and disputes of all time, and those that completed today in the configured time zone."""

    refunds: dict[RefundStatus, int] = Field(description="Number by status.")
    amounts: dict[RefundStatus, Sums] = Field(description="Sums by status and currency.")
    awaiting_approval: int = Field(description="Pending refunds above ORDERS_REFUND_LIMIT.")
    refunded: Sums = Field(description="Completed refunds by currency.", examples=[{"USD": 12.5}])
    disputed: Sums = Field(description="Completed disputes by currency, without fees.")
    today: list[RefundDay] = Field(description="One row for each currency.")
    timestamp: str
