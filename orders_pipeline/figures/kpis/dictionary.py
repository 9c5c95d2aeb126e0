"""The data dictionary: what each figure and column means, once, for API, docs and asset descriptions.

Every figure is of one currency. A KPI day is the order's date in the configured time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DECIMAL, INTEGER, TEXT, DATE, TIME, MAP = "decimal", "integer", "text", "date", "time", "map"


@dataclass(frozen=True, slots=True)
class Definition:
    """Meaning of a figure or column."""

    meaning: str
    type: str
    example: Any


@dataclass(frozen=True, slots=True)
class Dataset:
    """Something that people read: an asset, a table, an answer of the API."""

    name: str
    meaning: str
    definitions: Mapping[str, Definition]


PERIOD = {
    "total_revenue": Definition("Sum of the totals of completed orders.", DECIMAL, 485.96),
    "order_count": Definition("Completed orders, those of guests too.", INTEGER, 5),
    "average_order_value": Definition(
        "Revenue by completed orders, rounded half up to two decimals; 0 without orders.", DECIMAL, 97.19
    ),
    "unique_customers": Definition(
        "Customers with a completed order, each once over the whole period; guests are not counted.",
        INTEGER,
        5,
    ),
    "generated_at": Definition("When the figures were computed, UTC.", TIME, "2025-11-11T12:00:00+00:00"),
    "currency": Definition("ISO 4217 code of every figure.", TEXT, "USD"),
    "units_sold": Definition("Units in completed orders.", INTEGER, 8),
    "orders_received": Definition("All orders, whatever became of them.", INTEGER, 6),
    "orders_failed": Definition("Orders that failed before payment, such as out of stock.", INTEGER, 0),
    "orders_rolled_back": Definition(
        "Orders whose reservation was undone, such as after a decline.", INTEGER, 1
    ),
    "payments_declined": Definition("Declined charges, of every attempt at an order.", INTEGER, 1),
    "payment_success_rate": Definition(
        "Share of answered charges that succeeded, to four decimals; nothing without charges.",
        DECIMAL,
        0.8333,
    ),
    "declines_by_reason": Definition(
        "Declined charges by the gateway's reason.", MAP, {"insufficient_funds": 1}
    ),
    "out_of_stock_orders": Definition("Orders that failed for want of stock and still do.", INTEGER, 0),
    "out_of_stock_revenue": Definition("Sum of the totals of these orders: revenue lost.", DECIMAL, 0.0),
    "new_customers": Definition("Customers whose first completed order is in the period.", INTEGER, 5),
    "returning_customers": Definition(
        "Customers of the period who completed an order before it.", INTEGER, 0
    ),
    "median_seconds_to_settle": Definition(
        "Half of the settled orders took at most so long from load to their end; nearest rank, to 0.01 s.",
        DECIMAL,
        1.93,
    ),
    "p95_seconds_to_settle": Definition(
        "95 % of the settled orders took at most so long; nearest rank, to 0.01 s.", DECIMAL, 2.98
    ),
}

REALTIME = {
    "pending_orders": Definition("Orders not yet reserved.", INTEGER, 0),
    "processing_orders": Definition("Orders reserved or in payment.", INTEGER, 0),
    "completed_today": Definition("Orders completed since midnight.", INTEGER, 9),
    "failed_today": Definition("Orders failed or rolled back since midnight.", INTEGER, 1),
    "revenue_today": Definition("Totals of the orders completed today.", DECIMAL, 965.45),
    "orders_per_second": Definition(
        "Orders of every currency settled a second by the imports that run now.", DECIMAL, 0.0
    ),
}

SNAPSHOT = {
    "taken_at": Definition("When it was taken, UTC; one every 5 minutes.", TIME, "2025-11-11T12:05:00+00:00"),
    "waiting_tasks": Definition(
        "Tasks that no worker had taken yet, by queue.", MAP, {"orders": 0, "dagster": 0}
    ),
    "pending_orders": Definition("Orders of every currency not yet reserved.", INTEGER, 0),
    "processing_orders": Definition("Orders of every currency reserved or in payment.", INTEGER, 0),
    "settled_per_second": Definition(
        "Orders of every currency settled a second since the snapshot before; the first has none.",
        DECIMAL,
        33.5,
    ),
}

RANK = Definition("Position; equal scores stand by id, ascending.", INTEGER, 1)
CUSTOMER_PLACE = {
    "rank": RANK,
    "customer_id": Definition("Customer; guests have none and are left out.", TEXT, "505"),
    "customer_name": Definition("Name as it last came with an order.", TEXT, "David Johnson"),
    "order_count": Definition("Completed orders of the customer.", INTEGER, 1),
    "total_spent": Definition("Sum of their totals; what is ranked.", DECIMAL, 259.98),
}
PRODUCT_PLACE = {
    "rank": RANK,
    "product_sku": Definition("Product.", TEXT, "SKU-002"),
    "product_name": Definition("Name of the product list, else of the first order.", TEXT, "USB Cable"),
    "total_quantity": Definition("Units in completed orders; what is ranked.", INTEGER, 8),
    "total_revenue": Definition("Sum of these order lines, before orders are rounded.", DECIMAL, 120.0),
    "order_count": Definition("Completed orders that hold the product.", INTEGER, 3),
}

ORDER = {
    "id": Definition("Number of the order in this store.", INTEGER, 1),
    "import_id": Definition("Import that brought it.", INTEGER, 1),
    "batch": Definition("Batch of the import that settles it.", INTEGER, 1),
    "source_id": Definition("Where it comes from; with `number` its identity.", INTEGER, 1),
    "number": Definition("Order number in the file.", TEXT, "1001"),
    "customer_id": Definition("Customer; empty for a guest.", TEXT, "501"),
    "currency": Definition("ISO 4217 code.", TEXT, "USD"),
    "total": Definition(
        "Exact sum of its lines, rounded half up to the minor unit, in which it is kept.", INTEGER, 5100
    ),
    "ordered_at": Definition("Order time, microseconds since 1970, UTC.", INTEGER, 1762768800000000),
    "day": Definition("KPI day: the order's date in the configured time zone.", DATE, "2025-11-10"),
    "file_line": Definition("Line of the file on which it starts.", INTEGER, 2),
    "loaded_at": Definition("When it entered the store, microseconds since 1970.", INTEGER, 1762862400000000),
    "attempt": Definition("1, and one more with each retry.", INTEGER, 1),
    "status": Definition(
        "`pending`, `reserved`, `payment_processing`, then `completed`, `rollback` or `failed`.",
        TEXT,
        "completed",
    ),
}
REJECT = {
    "record": Definition("Record of the file, the header not counted.", INTEGER, 3),
    "item": Definition("Item of a record that holds several.", INTEGER, 1),
    "line": Definition("Line of the file on which the record starts.", INTEGER, 4),
    "order_number": Definition("Order that the record belongs to.", TEXT, "1003"),
    "column_name": Definition("Column that is wrong.", TEXT, "quantity"),
    "code": Definition(
        "What is wrong; `order_rejected`: a good line lost with its order.", TEXT, "quantity_not_positive"
    ),
    "message": Definition("The same in words.", TEXT, "Quantity is -1."),
    "hint": Definition("The way out.", TEXT, "Correct the quantity and import the file again."),
    "raw": Definition("The record as it stands in the file.", TEXT, "1003,501,..."),
}

DAILY_KPIS = Dataset(
    "daily_kpis",
    "Revenue, orders, customers and what became of them, by order date and currency.",
    {
        "day": Definition("KPI day: the order's date in the configured time zone.", DATE, "2025-11-10"),
        **PERIOD,
    },
)
REALTIME_KPIS = Dataset(
    "realtime_kpis", "Open orders, and what was settled today, in one currency.", REALTIME
)
CUSTOMER_LEADERBOARD = Dataset(
    "customer_leaderboard",
    "Customers by what they spent on completed orders, in each currency; guests are left out.",
    CUSTOMER_PLACE,
)
PRODUCT_LEADERBOARD = Dataset(
    "product_leaderboard", "Products by units sold in completed orders, in each currency.", PRODUCT_PLACE
)
ORDERS = Dataset("orders", "Orders of one file, each completed, rolled back or failed.", ORDER)
REJECTED_ORDER_ROWS = Dataset(
    "rejected_order_rows", "Lines of one file that could not be taken, with place, code and way out.", REJECT
)
PIPELINE_SNAPSHOT = Dataset(
    "pipeline_snapshot", "What waits in the queues, and how fast orders settle, every 5 minutes.", SNAPSHOT
)
DATASETS = (
    DAILY_KPIS,
    REALTIME_KPIS,
    CUSTOMER_LEADERBOARD,
    PRODUCT_LEADERBOARD,
    ORDERS,
    REJECTED_ORDER_ROWS,
    PIPELINE_SNAPSHOT,
)
