"""Response models, for the OpenAPI page."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from orders_pipeline.base.model import GatewayEventStatus, Scope
from orders_pipeline.figures.kpis import dictionary
from orders_pipeline.figures.kpis.dictionary import Definition

Data = TypeVar("Data")
Responses = dict[int | str, dict[str, Any]]


class Answer(BaseModel, Generic[Data]):
    """The envelope of every successful response."""

    success: bool = True
    data: Data


class Failure(BaseModel):
    """The body of every error."""

    success: bool = False
    message: str = Field(examples=["currency: 'XX' is not an ISO 4217 code such as USD"])


class Refusal(Failure):
    """The body of an error that says why something cannot be done, and what to do about it."""

    code: str = Field(examples=["refund_exceeds_captured"])
    hint: str = Field(examples=["At most 12.50 USD can be refunded."])


class Service(BaseModel):
    """Health of one service."""

    status: str = Field(examples=["healthy"])
    message: str = Field(examples=["answers"])


class Queue(Service):
    """Health of the broker."""

    queue_size: int = Field(examples=[0])


class Services(BaseModel):
    """Health by service."""

    database: Service
    redis: Service
    queue: Queue


class Health(BaseModel):
    """Whether every service that the pipeline needs answers."""

    status: str = Field(examples=["healthy"])
    timestamp: str = Field(examples=["2025-11-11T12:00:00+00:00"])
    services: Services


class Live(BaseModel):
    """This process answers."""

    status: str = Field(examples=["live"])


class Ready(BaseModel):
    """Whether orders can be processed, with the result of each check."""

    status: str = Field(examples=["ready"])
    checks: dict[str, bool] = Field(
        examples=[{"store": True, "redis": True, "broker": True, "workers": True}]
    )


class Alert(BaseModel):
    """A condition that needs the attention of an operator until it ends."""

    name: str = Field(examples=["waiting_too_long"])
    subject: str = Field(examples=["orders"])
    detail: str = Field(examples=["Waiting tasks: 12. The oldest has waited for 45 minutes."])
    raised_at: str = Field(examples=["2025-11-11T12:00:00+00:00"])
    over_at: str | None = Field(examples=[None])


class OrderCounts(BaseModel):
    """Orders of all time. `processing`: reserved or in payment; `failed`: failed or rolled back."""

    total: int
    pending: int
    processing: int
    completed: int
    failed: int


class Today(BaseModel):
    """Orders settled today, in the configured time zone."""

    orders: int
    completed: int
    revenue: float


class Stats(BaseModel):
    """Number of orders by status."""

    orders: OrderCounts
    today: Today
    timestamp: str


def _defined(definition: Definition) -> Any:
    """A field whose description comes from the data dictionary."""
    return Field(description=definition.meaning, examples=[definition.example])


class PeriodKpis(BaseModel):
    """KPIs of one currency over one or more days."""

    total_revenue: float = _defined(dictionary.PERIOD["total_revenue"])
    order_count: int = _defined(dictionary.PERIOD["order_count"])
    average_order_value: float = _defined(dictionary.PERIOD["average_order_value"])
    unique_customers: int = _defined(dictionary.PERIOD["unique_customers"])
    generated_at: str = _defined(dictionary.PERIOD["generated_at"])
    currency: str = _defined(dictionary.PERIOD["currency"])
    units_sold: float = _defined(dictionary.PERIOD["units_sold"])
    orders_received: int = _defined(dictionary.PERIOD["orders_received"])
    orders_failed: int = _defined(dictionary.PERIOD["orders_failed"])
    orders_rolled_back: int = _defined(dictionary.PERIOD["orders_rolled_back"])
    payments_declined: int = _defined(dictionary.PERIOD["payments_declined"])
    payment_success_rate: float | None = _defined(dictionary.PERIOD["payment_success_rate"])
    declines_by_reason: dict[str, int] = _defined(dictionary.PERIOD["declines_by_reason"])
    out_of_stock_orders: int = _defined(dictionary.PERIOD["out_of_stock_orders"])
    out_of_stock_revenue: float = _defined(dictionary.PERIOD["out_of_stock_revenue"])
    gross_sales: float = _defined(dictionary.PERIOD["gross_sales"])
    discounts: float = _defined(dictionary.PERIOD["discounts"])
    shipping: float = _defined(dictionary.PERIOD["shipping"])
    tax: float = _defined(dictionary.PERIOD["tax"])
    fees: float = _defined(dictionary.PERIOD["fees"])
    tips: float = _defined(dictionary.PERIOD["tips"])
    unexplained: float = _defined(dictionary.PERIOD["unexplained"])
    rounding: float = _defined(dictionary.PERIOD["rounding"])
    tax_included: float = _defined(dictionary.PERIOD["tax_included"])
    recorded_revenue: float = _defined(dictionary.PERIOD["recorded_revenue"])
    refunded: float = _defined(dictionary.PERIOD["refunded"])
    refund_count: int = _defined(dictionary.PERIOD["refund_count"])
    net_revenue: float = _defined(dictionary.PERIOD["net_revenue"])
    refunded_of_orders: float = _defined(dictionary.PERIOD["refunded_of_orders"])
    disputed: float = _defined(dictionary.PERIOD["disputed"])
    dispute_fees: float = _defined(dictionary.PERIOD["dispute_fees"])
    new_customers: int = _defined(dictionary.PERIOD["new_customers"])
    returning_customers: int = _defined(dictionary.PERIOD["returning_customers"])
    median_seconds_to_settle: float | None = _defined(dictionary.PERIOD["median_seconds_to_settle"])
    p95_seconds_to_settle: float | None = _defined(dictionary.PERIOD["p95_seconds_to_settle"])


class DailyKpis(PeriodKpis):
    """KPIs of a day."""

    date: str = Field(examples=["2025-11-10"])


class RangeKpis(PeriodKpis):
    """KPIs of a range of days."""

    start_date: str = Field(examples=["2025-11-10"])
    end_date: str = Field(examples=["2025-11-11"])


class RealtimeKpis(BaseModel):
    """Live figures."""

    pending_orders: int = _defined(dictionary.REALTIME["pending_orders"])
    processing_orders: int = _defined(dictionary.REALTIME["processing_orders"])
    completed_today: int = _defined(dictionary.REALTIME["completed_today"])
    failed_today: int = _defined(dictionary.REALTIME["failed_today"])
    revenue_today: float = _defined(dictionary.REALTIME["revenue_today"])
    orders_per_second: float = _defined(dictionary.REALTIME["orders_per_second"])


class Snapshot(BaseModel):
    """Backlog of the queues, open orders and throughput at one time."""

    taken_at: str = _defined(dictionary.SNAPSHOT["taken_at"])
    waiting_tasks: dict[str, int] = _defined(dictionary.SNAPSHOT["waiting_tasks"])
    pending_orders: int = _defined(dictionary.SNAPSHOT["pending_orders"])
    processing_orders: int = _defined(dictionary.SNAPSHOT["processing_orders"])
    settled_per_second: float | None = _defined(dictionary.SNAPSHOT["settled_per_second"])


class CustomerPlace(BaseModel):
    """A customer's place by spending on completed orders."""

    rank: int = _defined(dictionary.CUSTOMER_PLACE["rank"])
    customer_id: str = _defined(dictionary.CUSTOMER_PLACE["customer_id"])
    customer_name: str | None = _defined(dictionary.CUSTOMER_PLACE["customer_name"])
    order_count: int = _defined(dictionary.CUSTOMER_PLACE["order_count"])
    total_spent: float = _defined(dictionary.CUSTOMER_PLACE["total_spent"])


class ProductPlace(BaseModel):
    """A product's place by units sold in completed orders."""

    rank: int = _defined(dictionary.PRODUCT_PLACE["rank"])
    product_sku: str = _defined(dictionary.PRODUCT_PLACE["product_sku"])
    product_name: str | None = _defined(dictionary.PRODUCT_PLACE["product_name"])
    total_quantity: float = _defined(dictionary.PRODUCT_PLACE["total_quantity"])
    total_revenue: float = _defined(dictionary.PRODUCT_PLACE["total_revenue"])
    order_count: int = _defined(dictionary.PRODUCT_PLACE["order_count"])


class Rebuilt(BaseModel):
    """The first places after a rebuild."""

    success: bool = True
    message: str
    data: list[CustomerPlace]


class KeyHolder(BaseModel):
    """Name and scopes of a key."""

    name: str = Field(examples=["deploy"])
    scopes: list[Scope]


class Action(BaseModel):
    """An action of an operator."""

    id: int = Field(examples=[17])
    at: str = Field(examples=["2025-11-11T12:00:00+00:00"])
    actor: str = Field(examples=["cli:alice"])
    action: str = Field(examples=["orders.retry"])
    target: str = Field(examples=["orders.csv-0123456789ab"])
    detail: dict[str, Any]


class Import(BaseModel):
    """An order file with its progress."""

    model_config = ConfigDict(extra="allow")

    partition: str
    file: str
    status: str


class QuarantinedFile(BaseModel):
    """A file of the inbox that cannot be imported, with the reason and what to do."""

    id: int
    file_name: str = Field(examples=["orders.csv"])
    kept_as: str = Field(description="Its name in the folder `quarantine`.", examples=["orders-2.csv"])
    file_bytes: int
    code: str = Field(examples=["header_missing"])
    message: str
    hint: str
    quarantined_at: str
    closed_at: str | None
    closed_as: str | None = Field(description="`dismissed`, `retried` or `removed`; null while it is open.")
    partition_key: str | None = Field(description="Partition key of the resulting import.")
    retry_asked_at: str | None = Field(description="When the pending retry was requested.")
    retry_as: dict[str, Any] | None = Field(description="Options for reading it in that retry.")


class Reject(BaseModel):
    """A rejected line of a file."""

    model_config = ConfigDict(extra="allow")

    record: int
    line: int
    code: str
    message: str
    hint: str


class Order(BaseModel):
    """The history of one order."""

    model_config = ConfigDict(extra="allow")

    order_id: str
    source: str
    status: str


class GatewayEventVerdict(BaseModel):
    """The outcome of an event of the payment gateway."""

    id: str = Field(examples=["evt_7d1f"])
    status: GatewayEventStatus = Field(
        description="A waiting event is carried out automatically once that is possible."
    )
    reason: str = Field(description="Why it waits or has no effect.")


class GatewayEvent(GatewayEventVerdict):
    """An event of the payment gateway."""

    type: str = Field(examples=["dispute.opened"])
    subject: str = Field(description="Id of a dispute, or key of a refund.", examples=["du_1"])
    body: str = Field(description="As it was sent.")
    received_at: str = Field(examples=["2025-11-11T12:00:00.000+00:00"])


class ListedOrder(BaseModel):
    """An order in a list."""

    model_config = ConfigDict(extra="allow")

    number: str
    source: str
    status: str
    total: float
    currency: str = Field(examples=["USD"])


class OrderPage(BaseModel):
    """A page of the list of orders."""

    success: bool = True
    data: list[ListedOrder]
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    total: int | None = Field(
        description="Number of orders on all pages; null if counting them would take long."
    )
