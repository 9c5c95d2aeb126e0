"""KPIs of a day or a range of days, and their JSON documents for CLI, HTTP and Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.quantities import Units, quantity_number

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis:
    """KPIs of one currency over one or more days. Money is in major units, times are in seconds."""

    total_revenue: Decimal = Decimal(0)
    order_count: int = 0
    average_order_value: Decimal = Decimal(0)
    unique_customers: int = 0
    units_sold: Units = 0
    orders_received: int = 0
    orders_failed: int = 0
    orders_rolled_back: int = 0
    payments_declined: int = 0
    payment_success_rate: Decimal | None = None
    declines_by_reason: dict[str, int] = field(default_factory=dict)
    out_of_stock_orders: int = 0
    out_of_stock_revenue: Decimal = Decimal(0)
    gross_sales: Decimal = Decimal(0)
    discounts: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    tips: Decimal = Decimal(0)
    unexplained: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)
    tax_included: Decimal = Decimal(0)
    recorded_revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    refund_count: int = 0
    net_revenue: Decimal = Decimal(0)
    refunded_of_orders: Decimal = Decimal(0)
    disputed: Decimal = Decimal(0)
    dispute_fees: Decimal = Decimal(0)
    new_customers: int = 0
    returning_customers: int = 0
    median_seconds_to_settle: Decimal | None = None
    p95_seconds_to_settle: Decimal | None = None


CONTRACT_FIELDS = ("total_revenue", "order_count", "average_order_value", "unique_customers")
FIELDS = tuple(item.name for item in fields(Kpis))
FURTHER_FIELDS = tuple(name for name in FIELDS if name not in CONTRACT_FIELDS)
# The parts of the revenue, which is gross sales - discounts + the other amounts.
REVENUE_PARTS = ("gross_sales", "discounts", "shipping", "tax", "fees", "tips", "unexplained", "rounding")
MONEY_FIELDS = (
    "total_revenue",
    "average_order_value",
    "out_of_stock_revenue",
    *REVENUE_PARTS,
    "tax_included",
    "recorded_revenue",
    "refunded",
    "net_revenue",
    "refunded_of_orders",
    "disputed",
    "dispute_fees",
)


def kpis_of(row: Mapping[str, Any]) -> Kpis:
    """Returns the KPIs of a row that has a column for each figure."""
    return Kpis(**{name: row[name] for name in FIELDS})


def daily_document(day: date, currency: str, kpis: Kpis, generated_at: datetime) -> Document:
    """Returns the JSON document of one day."""
    return _document({"date": day.isoformat()}, currency, kpis, generated_at)


def range_document(start: date, end: date, currency: str, kpis: Kpis, generated_at: datetime) -> Document:
    """Returns the JSON document of the days from `start` to `end`, inclusive."""
    period = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    return _document(period, currency, kpis, generated_at)


def is_of_this_version(document: Document) -> bool:
    """Whether a document has all figures of this version. Redis may hold documents of another version."""
    return set(FIELDS) == document.keys() - {"date", "start_date", "end_date", "generated_at", "currency"}


def money_number(amount: Decimal, currency: str) -> float:
    """Returns money as a JSON number, rounded half up to the decimals of the currency."""
    return float(rounded(amount, currency))


def mean_money(amount: Decimal, number: int, currency: str) -> Decimal:
    """Returns an amount divided by a number, rounded half up to the currency's decimals.

    0 if the number is 0.
    """
    return rounded(amount / number, currency) if number else Decimal(0)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Returns money rounded half up to the decimals of the currency."""
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), ROUND_HALF_UP)


def _document(period: dict[str, str], currency: str, kpis: Kpis, generated_at: datetime) -> Document:
    values = {name: shown_figure(name, getattr(kpis, name), currency) for name in FIELDS}
    return {
        **period,
        **{name: values[name] for name in CONTRACT_FIELDS},
        "generated_at": generated_at.astimezone(UTC).isoformat(),
        "currency": currency,
        **{name: values[name] for name in FURTHER_FIELDS},
    }


def shown_figure(name: str, value: Any, currency: str) -> Any:
    """Returns a figure as a JSON value."""
    if name in MONEY_FIELDS:
        return money_number(value, currency)
    if name == "units_sold":
        return quantity_number(value)
    return float(value) if isinstance(value, Decimal) else value
