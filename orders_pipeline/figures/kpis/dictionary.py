"""The data dictionary: the meaning of each figure and column, for API, docs and asset descriptions.

Every figure is in one currency. A KPI day is a date in the configured time zone: of an order, the date of the
order; of a refund or dispute, the date on which it was completed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DECIMAL, INTEGER, TEXT, DATE, TIME, MAP = "decimal", "integer", "text", "date", "time", "map"


@dataclass(frozen=True, slots=True)
class Definition:
    """The meaning of a figure or column."""

    meaning: str
    type: str
    example: Any


@dataclass(frozen=True, slots=True)
class Dataset:
    """A published data set: an asset, a table or an API response.

    Attributes:
        version: version of the code that makes the data; raised when existing data must be computed again.
    """

    name: str
    meaning: str
    definitions: Mapping[str, Definition]
    version: str = "1"


PERIOD = {
    "total_revenue": Definition(
        "What completed orders owed, including those paid elsewhere.", DECIMAL, 485.96
    ),
    "order_count": Definition("Completed orders, including those of guests.", INTEGER, 5),
    "average_order_value": Definition(
        "Revenue divided by completed orders, rounded half up to the currency's decimals; 0 without orders.",
        DECIMAL,
        97.19,
    ),
    "unique_customers": Definition(
        "Customers with a completed order, each counted once over the whole period; guests are not counted.",
        INTEGER,
        5,
    ),
    "generated_at": Definition(
        "Time at which the figures were computed, UTC.", TIME, "2025-11-11T12:00:00+00:00"
    ),
    "currency": Definition("ISO 4217 code of every figure.", TEXT, "USD"),
    "units_sold": Definition(
        "Units in completed orders, with up to three decimals for goods by weight.", DECIMAL, 8
    ),
    "orders_received": Definition("All orders, whatever their outcome.", INTEGER, 6),
    "orders_failed": Definition(
        "Orders that failed before payment, for example because stock ran out.", INTEGER, 0
    ),
    "orders_rolled_back": Definition(
        "Orders whose reservation was undone, for example after a declined charge.", INTEGER, 1
    ),
    "payments_declined": Definition(
        "Declined charges, including those of earlier attempts at an order.", INTEGER, 1
    ),
    "payment_success_rate": Definition(
        "Share of charges with a known outcome that succeeded, to four decimals; empty without charges.",
        DECIMAL,
        0.8333,
    ),
    "declines_by_reason": Definition(
        "Declined charges by the gateway's reason; `refused` for requests that it refused.",
        MAP,
        {"insufficient_funds": 1},
    ),
    "out_of_stock_orders": Definition(
        "Orders that failed because stock ran out and have not been completed since.", INTEGER, 0
    ),
    "out_of_stock_revenue": Definition(
        "Revenue lost: sum of the totals of out-of-stock orders.", DECIMAL, 0.0
    ),
    "gross_sales": Definition("Lines of completed orders before discounts.", DECIMAL, 485.96),
    "discounts": Definition("Discounts on completed orders and on their lines.", DECIMAL, 0.0),
    "shipping": Definition("Shipping that completed orders owed.", DECIMAL, 0.0),
    "tax": Definition("Taxes that were added to prices.", DECIMAL, 0.0),
    "fees": Definition("Fees that completed orders owed.", DECIMAL, 0.0),
    "tips": Definition("Tips on completed orders.", DECIMAL, 0.0),
    "unexplained": Definition("Differences to stated totals that a profile trusts.", DECIMAL, 0.0),
    "rounding": Definition(
        "Rounding to the minor unit, and differences to stated totals within a profile's tolerance."
        " Gross sales - discounts + shipping + tax + fees + tips + unexplained + rounding = total revenue.",
        DECIMAL,
        0.0,
    ),
    "tax_included": Definition(
        "Taxes contained in prices; for information only, not part of the sum.", DECIMAL, 0.0
    ),
    "recorded_revenue": Definition(
        "The part of the revenue that was paid elsewhere and only recorded.", DECIMAL, 0.0
    ),
    "refunded": Definition(
        "Amount refunded, by the day of the refund: completed refunds, and returns that name no order."
        " Disputes are not included.",
        DECIMAL,
        0.0,
    ),
    "refund_count": Definition(
        "Number of completed refunds and of returns that name no order, by the day of the refund.",
        INTEGER,
        0,
    ),
    "net_revenue": Definition(
        "Total revenue - refunded: orders by their own day, refunds by theirs. Negative if more was refunded"
        " in the period than its orders owed.",
        DECIMAL,
        485.96,
    ),
    "refunded_of_orders": Definition(
        "Amount refunded so far for the orders of this period, by the day of the order, whenever it was"
        " refunded. Disputes, and returns that name no order, are not included.",
        DECIMAL,
        0.0,
    ),
    "disputed": Definition(
        "Money that customers' banks took back (disputes, or chargebacks), by the day of the dispute; not"
        " part of `refunded`.",
        DECIMAL,
        0.0,
    ),
    "dispute_fees": Definition("Fees that the payment provider took for these disputes.", DECIMAL, 0.0),
    "new_customers": Definition("Customers whose first completed order is in the period.", INTEGER, 5),
    "returning_customers": Definition(
        "Customers with a completed order in the period and another one before it.", INTEGER, 0
    ),
    "median_seconds_to_settle": Definition(
        "Median time from load to settlement, nearest rank, to 0.01 s.",
        DECIMAL,
        1.93,
    ),
    "p95_seconds_to_settle": Definition(
        "95th percentile of the time from load to settlement, nearest rank, to 0.01 s.", DECIMAL, 2.98
    ),
}

KPI_DAY = Definition(
    "KPI day in the configured time zone: the date of the order; for refunds, the date of the refund.",
    DATE,
    "2025-11-10",
)
REALTIME = {
    "pending_orders": Definition("Orders not yet reserved.", INTEGER, 0),
    "processing_orders": Definition("Orders reserved or in payment.", INTEGER, 0),
    "completed_today": Definition("Orders completed since midnight.", INTEGER, 9),
    "failed_today": Definition("Orders failed or rolled back since midnight.", INTEGER, 1),
    "revenue_today": Definition("Totals of the orders completed today.", DECIMAL, 965.45),
    "orders_per_second": Definition(
        "Orders per second settled by the running imports, in all currencies.", DECIMAL, 0.0
    ),
}

SNAPSHOT = {
    "taken_at": Definition(
        "Time of the snapshot, UTC. A snapshot is taken every 5 minutes.", TIME, "2025-11-11T12:05:00+00:00"
    ),
    "waiting_tasks": Definition(
        "Backlog: tasks that no worker has taken yet, by queue.", MAP, {"orders": 0, "dagster": 0}
    ),
    "pending_orders": Definition("Orders not yet reserved, in all currencies.", INTEGER, 0),
    "processing_orders": Definition("Orders reserved or in payment, in all currencies.", INTEGER, 0),
    "settled_per_second": Definition(
        "Orders per second settled since the previous snapshot, in all currencies; the first has none.",
        DECIMAL,
        33.5,
    ),
}

RANK = Definition("Rank from 1; equal scores are ordered by id, ascending.", INTEGER, 1)
CUSTOMER_PLACE = {
    "rank": RANK,
    "customer_id": Definition("Customer id. Guests have none and are left out.", TEXT, "505"),
    "customer_name": Definition("Name in the customer's most recently loaded order.", TEXT, "David Johnson"),
    "order_count": Definition("Completed orders of the customer.", INTEGER, 1),
    "total_spent": Definition(
        "Sum of the totals of these orders, less refunds and returns. The leaderboard ranks by this"
        " figure. It is 0 for a customer whose orders were all refunded. Returns that name no order can"
        " make it negative.",
        DECIMAL,
        259.98,
    ),
}
PRODUCT_PLACE = {
    "rank": RANK,
    "product_sku": Definition("Product.", TEXT, "SKU-002"),
    "product_name": Definition(
        "Name in the product list, or else in the first order.", TEXT, "USB-C Charger"
    ),
    "total_quantity": Definition(
        "Units in completed orders less units returned, with up to three decimals for goods by weight. The"
        " leaderboard ranks by this figure.",
        DECIMAL,
        8,
    ),
    "total_revenue": Definition(
        "Sum of these order lines before discounts and before rounding to order totals, less refunds for"
        " them. A refund of an amount without lines changes no product.",
        DECIMAL,
        120.0,
    ),
    "order_count": Definition("Completed orders that contain the product.", INTEGER, 3),
}

ORDER = {
    "id": Definition("Id of the order in this store.", INTEGER, 1),
    "import_id": Definition("Import that loaded the order.", INTEGER, 1),
    "batch": Definition("Batch of the import that settles the order.", INTEGER, 1),
    "source_id": Definition(
        "Source of the order. Together with `number` it identifies the order.", INTEGER, 1
    ),
    "number": Definition("Order number in the file.", TEXT, "1001"),
    "customer_id": Definition("Customer id; empty for a guest.", TEXT, "501"),
    "currency": Definition("ISO 4217 code.", TEXT, "USD"),
    "total": Definition(
        "What the customer owes, rounded half up; stored in the currency's minor unit.", INTEGER, 5100
    ),
    "ordered_at": Definition("Order time, microseconds since 1970, UTC.", INTEGER, 1762768800000000),
    "day": Definition("KPI day: the order's date in the configured time zone.", DATE, "2025-11-10"),
    "file_line": Definition("Line of the file on which the order starts.", INTEGER, 2),
    "loaded_at": Definition(
        "Time at which the order was loaded, microseconds since 1970.", INTEGER, 1762862400000000
    ),
    "attempt": Definition("Number of the attempt: 1, plus 1 for each retry.", INTEGER, 1),
    "status": Definition(
        "`pending`, `reserved`, `payment_processing`, then `completed`, `rollback` or `failed`.",
        TEXT,
        "completed",
    ),
}
REJECT = {
    "record": Definition("Number of the record in the file, not counting the header.", INTEGER, 3),
    "item": Definition("Number of the item, if the record holds several.", INTEGER, 1),
    "line": Definition("Line of the file on which the record starts.", INTEGER, 4),
    "order_number": Definition("Order that the record belongs to.", TEXT, "1003"),
    "column_name": Definition("Column that is wrong.", TEXT, "quantity"),
    "code": Definition(
        "Reason code. `order_rejected` marks a valid line of a rejected order.",
        TEXT,
        "quantity_not_positive",
    ),
    "message": Definition("The reason in words.", TEXT, "Quantity is -1."),
    "hint": Definition("How to correct it.", TEXT, "Correct the quantity and import the file again."),
    "raw": Definition("The record as written in the file.", TEXT, "1003,501,..."),
}

REFUND = {
    "id": Definition("Number in the store.", INTEGER, 1),
    "refund_id": Definition("Its id for commands and the API; random.", TEXT, "5f0c2a"),
    "order_id": Definition("The order in the store.", INTEGER, 1),
    "attempt": Definition("The attempt whose payment is refunded.", INTEGER, 1),
    "kind": Definition("refund, or dispute: the customer's bank took the money back.", TEXT, "refund"),
    "method": Definition("gateway, or recorded: refunded elsewhere.", TEXT, "gateway"),
    "amount": Definition("In the currency's minor unit.", INTEGER, 1000),
    "shipping": Definition("Part of the amount that is for no line, in minor units.", INTEGER, 0),
    "fee": Definition("Fee for a dispute, on top of its amount, in minor units.", INTEGER, 0),
    "restock": Definition("Whether the units of its lines are sold again.", TEXT, True),
    "reason": Definition("The reason given in the request.", TEXT, "damaged"),
    "status": Definition("pending, processing, completed, failed or cancelled.", TEXT, "completed"),
    "requested_at": Definition("Microseconds since 1970, UTC.", INTEGER, 1762776000000000),
    "settled_at": Definition(
        "When its outcome was known; microseconds since 1970, UTC.", INTEGER, 1762776001000000
    ),
    "day": Definition("KPI day of a completed one, from `settled_at`.", DATE, "2025-11-10"),
    "transaction_id": Definition("The refund at the gateway, or its reference elsewhere.", TEXT, "txn_1"),
    "failure": Definition("Why it failed.", TEXT, "declined"),
}
DAILY_KPIS = Dataset(
    "daily_kpis",
    "Revenue, orders by outcome, payments and customers by order date and currency; refunds and disputes.",
    {
        "day": KPI_DAY,
        **PERIOD,
    },
)
CUSTOMER_SALES = Dataset(
    "customer_sales_by_day",
    "Orders of each customer by the day of the order, and refunds by the day of the refund; without guests. A"
    " row whose `order_count` is 0 has only refunds.",
    {
        "day": KPI_DAY,
        "currency": PERIOD["currency"],
        "customer_id": Definition("Customer id.", TEXT, "505"),
        "order_count": Definition("Completed orders of this day.", INTEGER, 1),
        "total_spent": Definition("Sum of the totals of these orders, before refunds.", DECIMAL, 259.98),
        "refunded": Definition("Refunds and returns of this day, whenever the order was.", DECIMAL, 0.0),
    },
)
PRODUCT_SALES = Dataset(
    "product_sales_by_day",
    "Sales of each product by the day of the order, and returned units by the day of the refund. A row whose"
    " `order_count` is 0 has only returned units.",
    {
        "day": KPI_DAY,
        "currency": PERIOD["currency"],
        "product_sku": Definition("Product.", TEXT, "SKU-002"),
        "order_count": Definition("Completed orders of this day that contain the product.", INTEGER, 3),
        "total_quantity": Definition("Units in these orders, before returns.", DECIMAL, 8),
        "total_revenue": Definition("Sum of these order lines before discounts.", DECIMAL, 120.0),
        "units_returned": Definition("Units of refunds and returns of this day.", DECIMAL, 0),
        "refunded": Definition("Amount refunded on this day for these units.", DECIMAL, 0.0),
    },
)
REALTIME_KPIS = Dataset("realtime_kpis", "Open orders, and orders settled today, in one currency.", REALTIME)
CUSTOMER_LEADERBOARD = Dataset(
    "customer_leaderboard",
    "Customers ranked by their spending on completed orders less refunds, in each currency, without guests.",
    CUSTOMER_PLACE,
)
PRODUCT_LEADERBOARD = Dataset(
    "product_leaderboard",
    "Products ranked by units sold in completed orders less units returned, in each currency.",
    PRODUCT_PLACE,
)
ORDERS = Dataset("orders", "Orders of one file, each completed, rolled back or failed.", ORDER)
REJECTED_ORDER_ROWS = Dataset(
    "rejected_order_rows", "Rejected lines of one file, with position, reason code and hint.", REJECT
)
REFUNDS = Dataset("refunds", "Refunds and disputes; each belongs to a completed order.", REFUND)
PAYOUTS = Dataset(
    "payouts",
    "What the payment provider booked on each day, after its fees, and what it paid out, in each currency.",
    {
        "day": Definition(
            "Day in the configured time zone: when the provider booked or paid.", DATE, "2025-11-10"
        ),
        "currency": PERIOD["currency"],
        "charges": Definition("Charges that the provider booked.", DECIMAL, 1000.0),
        "refunds": Definition("Refunds that it booked, less those that failed.", DECIMAL, 20.0),
        "disputes": Definition("Disputes that it booked, less those that were won.", DECIMAL, 0.0),
        "other": Definition("Reserves, transfers and adjustments.", DECIMAL, 0.0),
        "fees": Definition("Fees that it kept.", DECIMAL, 29.3),
        "net": Definition("Charges - refunds - disputes - fees + other.", DECIMAL, 950.7),
        "payout_count": Definition("Payouts that it sent.", INTEGER, 1),
        "paid_out": Definition("Sum of the lines of these payouts.", DECIMAL, 950.7),
    },
)
PIPELINE_SNAPSHOT = Dataset(
    "pipeline_snapshot", "Queue backlog, open orders and throughput, every 5 minutes.", SNAPSHOT
)
DATASETS = (
    DAILY_KPIS,
    CUSTOMER_SALES,
    PRODUCT_SALES,
    REALTIME_KPIS,
    CUSTOMER_LEADERBOARD,
    PRODUCT_LEADERBOARD,
    ORDERS,
    REJECTED_ORDER_ROWS,
    REFUNDS,
    PAYOUTS,
    PIPELINE_SNAPSHOT,
)
