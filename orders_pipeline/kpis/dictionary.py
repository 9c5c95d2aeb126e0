"""The data dictionary: what each figure means, once, for API, docs and asset descriptions.

Every figure is of one currency. A KPI day is the order's date in the configured time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Definition:
    """Meaning of a figure; `of_period`: of a day or range, else of this moment."""

    meaning: str
    example: Any
    of_period: bool = True


DEFINITIONS: dict[str, Definition] = {
    "total_revenue": Definition("Sum of the totals of completed orders.", 485.96),
    "order_count": Definition("Completed orders, those of guests too.", 5),
    "average_order_value": Definition(
        "Revenue by completed orders, rounded half up to two decimals; 0 without orders.", 97.19
    ),
    "unique_customers": Definition(
        "Customers with a completed order, each once over the whole period; guests are not counted.", 5
    ),
    "generated_at": Definition("When the figures were computed, UTC.", "2025-11-11T12:00:00+00:00"),
    "currency": Definition("ISO 4217 code of every figure.", "USD"),
    "units_sold": Definition("Units in completed orders.", 8),
    "orders_received": Definition("All orders, whatever became of them.", 6),
    "orders_failed": Definition("Orders that failed before payment, such as out of stock.", 0),
    "orders_rolled_back": Definition("Orders whose reservation was undone, such as after a decline.", 1),
    "payments_declined": Definition("Declined charges, of every attempt at an order.", 1),
    "payment_success_rate": Definition(
        "Share of answered charges that succeeded, to four decimals; nothing without charges.",
        0.8333,
    ),
    "declines_by_reason": Definition("Declined charges by the gateway's reason.", {"insufficient_funds": 1}),
    "out_of_stock_orders": Definition("Orders that failed for want of stock and still do.", 0),
    "out_of_stock_revenue": Definition("Sum of the totals of these orders: revenue lost.", 0.0),
    "new_customers": Definition("Customers whose first completed order is in the period.", 5),
    "returning_customers": Definition("Customers of the period who completed an order before it.", 0),
    "median_seconds_to_settle": Definition(
        "Half of the settled orders took at most so long from load to their end; nearest rank, to 0.01 s.",
        1.93,
    ),
    "p95_seconds_to_settle": Definition(
        "95 % of the settled orders took at most so long; nearest rank, to 0.01 s.", 2.98
    ),
    "pending_orders": Definition("Orders not yet reserved.", 0, of_period=False),
    "processing_orders": Definition("Orders reserved or in payment.", 0, of_period=False),
    "completed_today": Definition("Orders completed since midnight.", 9, of_period=False),
    "failed_today": Definition("Orders failed or rolled back since midnight.", 1, of_period=False),
    "revenue_today": Definition("Totals of the orders completed today.", 965.45, of_period=False),
    "orders_per_second": Definition(
        "Orders of every currency settled a second by the imports that run now.", 0.0, of_period=False
    ),
}
