"""The tables of `figures.duckdb` and of the PostgreSQL schema `figures`: the same names and columns in both.

They contain customers only by their ids, and no text written by a person.
"""

from __future__ import annotations

from collections.abc import Iterable

from orders_pipeline.figures.kpis import dictionary
from orders_pipeline.figures.kpis.dictionary import Dataset, Definition
from orders_pipeline.figures.tables.table import Column, Kind, Table

_KINDS = {
    dictionary.DATE: Kind.DAY,
    dictionary.INTEGER: Kind.INTEGER,
    dictionary.TEXT: Kind.TEXT,
    dictionary.TIME: Kind.TIME,
    dictionary.MAP: Kind.COUNTS,
    dictionary.DECIMAL: Kind.MONEY,
}
_KINDS_BY_NAME = {
    "units_sold": Kind.UNITS,
    "total_quantity": Kind.UNITS,
    "units_returned": Kind.UNITS,
    "payment_success_rate": Kind.SHARE,
    "median_seconds_to_settle": Kind.SECONDS,
    "p95_seconds_to_settle": Kind.SECONDS,
}


def _column(name: str, definition: Definition) -> Column:
    return Column(
        name, _KINDS_BY_NAME.get(name, _KINDS[definition.type]), definition.meaning, definition.example
    )


def _columns(dataset: Dataset, *left_out: str) -> list[Column]:
    return [
        _column(name, definition) for name, definition in dataset.definitions.items() if name not in left_out
    ]


def _first(columns: Iterable[Column], *names: str) -> list[Column]:
    """Returns the columns; those with these names are first."""
    by_name = {column.name: column for column in columns}
    return [by_name.pop(name) for name in names] + list(by_name.values())


ORDER_ID = Column("order_id", Kind.INTEGER, "The order; joins the tables about orders.", 1)
CURRENCY = Column("currency", Kind.TEXT, "ISO 4217 code of the amounts of the row.", "USD")
CUSTOMER = Column("customer_id", Kind.TEXT, "Customer id; empty for a guest.", "505")
ORDER_DAY = Column("day", Kind.DAY, "KPI day: the order's date in the configured time zone.", "2025-11-10")
ORDER_STATUS = Column("status", Kind.TEXT, dictionary.ORDER["status"].meaning, "completed")
ATTEMPT = Column("attempt", Kind.INTEGER, "The attempt at the order that was charged.", 1)
REASON = Column(
    "decline_reason",
    Kind.TEXT,
    "Why the gateway declined the charge; `refused` for a request that it refused.",
    "insufficient_funds",
)
TRANSACTION = Column(
    "transaction_id",
    Kind.TEXT,
    "The charge at the gateway, or the reference of a payment elsewhere.",
    "txn_1",
)

DAILY_KPIS = Table(
    "daily_kpis", dictionary.DAILY_KPIS.meaning, _first(_columns(dictionary.DAILY_KPIS), "day", "currency")
)
CUSTOMER_SALES = Table(
    "customer_sales_by_day", dictionary.CUSTOMER_SALES.meaning, _columns(dictionary.CUSTOMER_SALES)
)
PRODUCT_SALES = Table(
    "product_sales_by_day", dictionary.PRODUCT_SALES.meaning, _columns(dictionary.PRODUCT_SALES)
)
CUSTOMERS = Table(
    "customers",
    "Customers, with a row for each currency in which they have completed orders or refunds.",
    (
        Column("customer_id", Kind.TEXT, "Customer id.", "505"),
        CURRENCY,
        Column("order_count", Kind.INTEGER, "Completed orders.", 1),
        Column("total_spent", Kind.MONEY, "Sum of their totals, before refunds.", 259.98),
        Column("refunded", Kind.MONEY, "Amount of refunds and returns.", 0.0),
    ),
)
PRODUCTS = Table(
    "products",
    "Products with their stock. A list price has no currency.",
    (
        Column("product_sku", Kind.TEXT, "Product.", "SKU-002"),
        Column(
            "product_name", Kind.TEXT, "Name in the product list, or else in the first order.", "USB-C Cable"
        ),
        Column(
            "price",
            Kind.MONEY,
            "List price, without a currency; empty if the product is in no product list.",
            19.99,
        ),
        Column("category", Kind.TEXT, "Category in the product list; empty if it has none.", "Accessories"),
        Column(
            "listed", Kind.TRUTH, "Whether it is in a product list; if not, an order file added it.", True
        ),
        Column("initial_stock", Kind.UNITS, "Units at the beginning.", 100),
        Column("restocked", Kind.UNITS, "Units added later, including returned ones.", 0),
        Column("on_hand", Kind.UNITS, "Units that can be sold.", 90),
        Column("reserved", Kind.UNITS, "Units held for open orders.", 0),
        Column("sold", Kind.UNITS, "Units of completed orders, less those returned to stock.", 10),
    ),
)
CUSTOMER_LEADERBOARD = Table(
    "customer_leaderboard",
    dictionary.CUSTOMER_LEADERBOARD.meaning,
    [
        CURRENCY,
        *_columns(dictionary.CUSTOMER_LEADERBOARD, "customer_name"),
    ],
)
PRODUCT_LEADERBOARD = Table(
    "product_leaderboard",
    dictionary.PRODUCT_LEADERBOARD.meaning,
    [CURRENCY, *_columns(dictionary.PRODUCT_LEADERBOARD)],
)
ORDERS = Table(
    "orders",
    "All imported orders, whatever their outcome.",
    (
        ORDER_ID,
        Column("number", Kind.TEXT, "Order number in the file.", "1001"),
        Column(
            "source",
            Kind.TEXT,
            "Where the order comes from; together with the number, it identifies the order.",
            "shopify",
        ),
        ORDER_DAY,
        CURRENCY,
        ORDER_STATUS,
        CUSTOMER,
        Column("total", Kind.MONEY, "What the customer owes.", 51.0),
        Column("refunded", Kind.MONEY, "Amount of completed refunds; disputes are not included.", 0.0),
        Column("attempts", Kind.INTEGER, "Number of attempts: 1, plus 1 for each retry.", 1),
        Column(
            "failure_reason",
            Kind.TEXT,
            "Why the last attempt failed: `out_of_stock`, `unknown_product`, `declined`, `expired`,"
            " `cancelled` or `not_captured`.",
            "declined",
        ),
        REASON,
        Column("short_sku", Kind.TEXT, "The product that was out of stock or unknown.", "SKU-002"),
        Column("ordered_at", Kind.TIME, "Time of the order.", "2025-11-10 10:00:00"),
        Column("loaded_at", Kind.TIME, "When the order was loaded.", "2025-11-10 12:00:00"),
        Column("settled_at", Kind.TIME, "When it was completed, or failed.", "2025-11-10 12:00:02"),
        Column(
            "file",
            Kind.TEXT,
            "Partition key of the file that it was imported from.",
            "orders.csv-0123456789ab",
        ),
        Column("file_line", Kind.INTEGER, "Line of the file on which it starts.", 2),
    ),
)
ORDER_LINES = Table(
    "order_lines",
    "Lines of these orders.",
    (
        ORDER_ID,
        Column("line", Kind.INTEGER, "Number of the line in its order.", 1),
        ORDER_DAY,
        CURRENCY,
        ORDER_STATUS,
        Column("product_sku", Kind.TEXT, "Product.", "SKU-002"),
        Column("quantity", Kind.UNITS, "Units; three decimals for goods by weight.", 2),
        Column("total", Kind.MONEY, "Total of the line before discounts.", 39.98),
        Column("discount", Kind.MONEY, "Discount on the line.", 0.0),
    ),
)
PAYMENTS = Table(
    "payments",
    "Payments of these orders: one for each attempt that was charged, or paid elsewhere.",
    (
        ORDER_ID,
        ATTEMPT,
        ORDER_DAY,
        CURRENCY,
        Column("method", Kind.TEXT, "`gateway`, or `recorded`: paid elsewhere.", "gateway"),
        Column(
            "status",
            Kind.TEXT,
            "`processing`, `succeeded` or `declined`; with capture later also `authorized`,"
            " `capture_declined` and `voided`.",
            "succeeded",
        ),
        Column("amount", Kind.MONEY, "What was charged.", 51.0),
        REASON,
        TRANSACTION,
        Column("requested_at", Kind.TIME, "When it was sent.", "2025-11-10 12:00:00"),
        Column("answered_at", Kind.TIME, "When the outcome was known.", "2025-11-10 12:00:01"),
    ),
)
REFUNDS = Table(
    "refunds",
    "Refunds, disputes, and returns that name no order. Completed refunds and returns add up to `refunded` of"
    " `daily_kpis`, by their day.",
    (
        Column(
            "refund_id",
            Kind.TEXT,
            "Id of the refund for commands and the API; for a return, such as `return-1`.",
            "5f0c2a",
        ),
        Column("order_id", Kind.INTEGER, "The order; empty for a return.", 1),
        Column("day", Kind.DAY, "KPI day of the refund; empty unless completed.", "2025-11-10"),
        CURRENCY,
        Column(
            "kind",
            Kind.TEXT,
            "`refund`; `dispute`: the customer's bank took the money back; `return`: a return in a file"
            " that names no order.",
            "refund",
        ),
        Column("method", Kind.TEXT, dictionary.REFUND["method"].meaning, "gateway"),
        Column("status", Kind.TEXT, dictionary.REFUND["status"].meaning, "completed"),
        CUSTOMER,
        Column("amount", Kind.MONEY, "Amount refunded.", 10.0),
        Column("shipping", Kind.MONEY, "Part of the amount that is for no line.", 0.0),
        Column("fee", Kind.MONEY, "Fee for a dispute, on top of its amount.", 0.0),
        Column("requested_at", Kind.TIME, "When it was requested.", "2025-11-10 12:00:00"),
        Column("settled_at", Kind.TIME, "When its outcome was known.", "2025-11-10 12:00:01"),
    ),
)
ABOUT = Table(
    "about",
    "One row about this publication. On PostgreSQL, `made_at` is the last publication of daily figures; all"
    " other tables show the store as it is.",
    (
        Column("made_at", Kind.TIME, "When the tables were last brought up to date.", "2025-11-10 12:00:05"),
        Column(
            "late_by_at_most_minutes",
            Kind.INTEGER,
            "How many minutes the tables may be behind the published figures while imports run.",
            10,
        ),
        Column("timezone", Kind.TEXT, "Time zone of the KPI days.", "UTC"),
        Column("version", Kind.TEXT, "Version of orders-pipeline.", "0.2.0"),
    ),
)
# In the order of the data dictionary.
TABLES = (
    DAILY_KPIS,
    CUSTOMERS,
    PRODUCTS,
    CUSTOMER_LEADERBOARD,
    PRODUCT_LEADERBOARD,
    ORDERS,
    ORDER_LINES,
    PAYMENTS,
    REFUNDS,
    CUSTOMER_SALES,
    PRODUCT_SALES,
    ABOUT,
)
