"""Shapes of the answers, for the API's own description."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from orders_pipeline.kpis.dictionary import DEFINITIONS

Data = TypeVar("Data")
Responses = dict[int | str, dict[str, Any]]


class Answer(BaseModel, Generic[Data]):
    """The envelope of every successful answer."""

    success: bool = True
    data: Data


class Failure(BaseModel):
    """The body of every error."""

    success: bool = False
    message: str = Field(examples=["currency: 'XX' is no ISO 4217 code such as USD"])


class Service(BaseModel):
    """One service's health."""

    status: str = Field(examples=["healthy"])
    message: str = Field(examples=["answers"])


class Queue(Service):
    """The broker's health."""

    queue_size: int = Field(examples=[0])


class Services(BaseModel):
    """Health by service."""

    database: Service
    redis: Service
    queue: Queue


class Health(BaseModel):
    """Whether everything that the pipeline needs answers."""

    status: str = Field(examples=["healthy"])
    timestamp: str = Field(examples=["2025-11-11T12:00:00+00:00"])
    services: Services


class OrderCounts(BaseModel):
    """Orders of all time; processing: reserved or in payment; failed: failed or rolled back."""

    total: int
    pending: int
    processing: int
    completed: int
    failed: int


class Today(BaseModel):
    """What was settled today in the configured time zone."""

    orders: int
    completed: int
    revenue: float


class Stats(BaseModel):
    """Orders at a glance."""

    orders: OrderCounts
    today: Today
    timestamp: str


def _defined(name: str) -> Any:
    """A field that is described in the data dictionary."""
    return Field(description=DEFINITIONS[name].meaning, examples=[DEFINITIONS[name].example])


class PeriodKpis(BaseModel):
    """Figures of one currency over some days."""

    total_revenue: float = _defined("total_revenue")
    order_count: int = _defined("order_count")
    average_order_value: float = _defined("average_order_value")
    unique_customers: int = _defined("unique_customers")
    generated_at: str = _defined("generated_at")
    currency: str = _defined("currency")
    units_sold: int = _defined("units_sold")
    orders_received: int = _defined("orders_received")
    orders_failed: int = _defined("orders_failed")
    orders_rolled_back: int = _defined("orders_rolled_back")
    payments_declined: int = _defined("payments_declined")
    payment_success_rate: float | None = _defined("payment_success_rate")
    declines_by_reason: dict[str, int] = _defined("declines_by_reason")
    out_of_stock_orders: int = _defined("out_of_stock_orders")
    out_of_stock_revenue: float = _defined("out_of_stock_revenue")
    new_customers: int = _defined("new_customers")
    returning_customers: int = _defined("returning_customers")
    median_seconds_to_settle: float | None = _defined("median_seconds_to_settle")
    p95_seconds_to_settle: float | None = _defined("p95_seconds_to_settle")


class DailyKpis(PeriodKpis):
    """Figures of a day."""

    date: str = Field(examples=["2025-11-10"])


class RangeKpis(PeriodKpis):
    """Figures of a range of days."""

    start_date: str = Field(examples=["2025-11-10"])
    end_date: str = Field(examples=["2025-11-11"])


class RealtimeKpis(BaseModel):
    """Figures of this moment."""

    pending_orders: int = _defined("pending_orders")
    processing_orders: int = _defined("processing_orders")
    completed_today: int = _defined("completed_today")
    failed_today: int = _defined("failed_today")
    revenue_today: float = _defined("revenue_today")
    orders_per_second: float = _defined("orders_per_second")


class CustomerPlace(BaseModel):
    """A customer's place, by what they spent on completed orders."""

    rank: int = Field(examples=[1])
    customer_id: str = Field(examples=["505"])
    customer_name: str | None = Field(examples=["David Johnson"])
    order_count: int = Field(examples=[1])
    total_spent: float = Field(examples=[259.98])


class ProductPlace(BaseModel):
    """A product's place, by units sold in completed orders."""

    rank: int = Field(examples=[1])
    product_sku: str = Field(examples=["SKU-002"])
    product_name: str | None = Field(examples=["USB Cable"])
    total_quantity: int = Field(examples=[8])
    total_revenue: float = Field(examples=[120.0])
    order_count: int = Field(examples=[3])


class Rebuilt(BaseModel):
    """The first places after a rebuild."""

    success: bool = True
    message: str
    data: list[CustomerPlace]


class Import(BaseModel):
    """An order file and how far it is."""

    model_config = ConfigDict(extra="allow")

    partition: str
    file: str
    status: str


class Reject(BaseModel):
    """A line of a file that could not be taken."""

    model_config = ConfigDict(extra="allow")

    record: int
    line: int
    code: str
    message: str
    hint: str


class Order(BaseModel):
    """One order's whole story."""

    model_config = ConfigDict(extra="allow")

    order_id: str
    source: str
    status: str
