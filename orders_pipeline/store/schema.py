"""Tables of the order store, the only source of truth; the same on SQLite and PostgreSQL.

Times are microseconds since 1970 in UTC. Order totals and payments are in the currency's minor unit, line
totals in 1/10,000 of its major unit. Quantities and stock are in 1/1,000 of a unit (`UnitsColumn`).
An order's id comes from its batch's range, so a batch is a range of ids and each step walks a range of the
primary key: no index on `orders` holds a status.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TextClause,
    UniqueConstraint,
    false,
    text,
)

from orders_pipeline.base.amounts.quantities import Units
from orders_pipeline.base.model import (
    AmountKind,
    AuthorizationStatus,
    EndKind,
    GatewayEventStatus,
    ImportStatus,
    MovementKind,
    NotificationStatus,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
    RefundKind,
    RefundStatus,
    ReservationStatus,
    Role,
    Scope,
    SignInMethod,
)
from orders_pipeline.store.units_type import UnitsColumn

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite makes only a column declared INTEGER an alias of its rowid.
Id = BigInteger().with_variant(Integer(), "sqlite")


_OPEN = text("over_at IS NULL")
_TO_LAUNCH = text("dropped_at IS NOT NULL")
_NOT_CLOSED = text("closed_at IS NULL")
_OPEN_REFUND = text("settled_at IS NULL")
_WAITING_EVENT = text("status = 'waiting'")
_NOT_SETTLED = text("settled_at IS NULL")
# Without the status, because PostgreSQL updates rows in place only if no indexed column changes.
_FAILED_REFUND = text("failure IS NOT NULL AND kind = 'refund'")
_OF_DAY = text("day IS NOT NULL")
_BOARDS_DUE = text("boards_due")
_NOT_SPREAD = text("spread_at IS NULL")
_WAITING = text("settled_at IS NULL")
_UNTRIED = text("settled_at IS NULL AND message IS NULL")
_TRIED = text("settled_at IS NULL AND message IS NOT NULL")
_FAILED = text("failed_at IS NOT NULL")
_TO_SEND = text("status IN ('queued', 'sending')")
_NAMED = text("customer_id IS NOT NULL")
_PAID = text("transaction_id IS NOT NULL")
# PostgreSQL finds texts by their beginning with this kind of index, whatever the collation.
PREFIXES = "text_pattern_ops"


def _where(condition: TextClause) -> dict[str, Any]:
    """Makes an index partial."""
    return {"sqlite_where": condition, "postgresql_where": condition}


def _one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _units(name: str) -> Column[Units]:
    return Column(name, UnitsColumn, nullable=False, server_default=text("0"))


home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True),
    CheckConstraint("id = 1", name="one_row"),
    Column("token", String, nullable=False, comment="random; identifies this store"),
    Column("payment_seed", String, nullable=False),
    Column("gateway", String, nullable=False, server_default="simulated", comment="gateway of the payments"),
    Column("next_order_id", BigInteger, nullable=False),
    Column("publisher", String, nullable=False, server_default="", comment="home that publishes the KPIs"),
    Column("timezone", String, comment="time zone of the KPI days; empty before the first order"),
    Column("currency", String(3), comment="currency of files that name none; empty before the first order"),
    _count("actions_recorded"),
    Column("restored_at", BigInteger, comment="when a backup was last restored as this store"),
    Column("events_read_until", BigInteger, comment="time up to which the provider's events were read"),
    _count("customers_erased"),
    Column("provider_tag", String, comment="marks its payments at a provider; empty: the token does"),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)

products = Table(
    "products",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sku", String, nullable=False, unique=True),
    Column("name", String),
    Column("price", BigInteger, comment="list price in 1/10,000"),
    Column("listed", Boolean, nullable=False),
    _units("initial_stock"),
    _units("restocked"),
    _units("on_hand"),
    _units("reserved"),
    _units("sold"),
    Column("low_stock", UnitsColumn, comment="low-stock threshold, in units on hand"),
    Column("category", String, comment="category in the product list; empty without one"),
    CheckConstraint("on_hand >= 0 AND reserved >= 0 AND sold >= 0", name="units_not_negative"),
    CheckConstraint("initial_stock + restocked = on_hand + reserved + sold", name="stock_conserved"),
    # Each batch updates products three times. Free space keeps the new row versions on their page.
    postgresql_with={"fillfactor": "50"},
)

# Units that were added to a product's stock. Their sum is its `initial_stock` plus `restocked`.
stock_receipts = Table(
    "stock_receipts",
    metadata,
    Column("product_id", ForeignKey("products.id"), primary_key=True),
    Column("number", Integer, primary_key=True, comment="1, 2, 3 ... for each product"),
    Column("units", UnitsColumn, nullable=False),
    CheckConstraint("units > 0", name="units_positive"),
    Column("received_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

customers = Table(
    "customers",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("search_name", String, comment="name in lower case, for searches"),
    Index("ix_customers_search_name", "search_name", postgresql_ops={"search_name": PREFIXES}),
    sqlite_with_rowid=False,
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("partition_key", String, nullable=False, unique=True),
    Column("file_name", String, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("profile", String, nullable=False),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("identified", JSON, nullable=False, comment="how the file is read: dialect, encoding, profile"),
    Column("status", String, nullable=False),
    _one_of("status", ImportStatus),
    Column("run_id", String, comment="the Dagster run that last worked on it"),
    Column("staged_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("settled_at", BigInteger, comment="when its last order was settled"),
    Column("refused_because", String),
    Column("refused_code", String),
    Column("run_beat_at", BigInteger, comment="last heartbeat of the run's process"),
    Column("work_beat_at", BigInteger, comment="last heartbeat of a worker on one of its steps"),
    Column("launches", Integer, nullable=False, server_default=text("0"), comment="since the last progress"),
    Column(
        "progress_seen", BigInteger, nullable=False, server_default=text("0"), comment="at the last launch"
    ),
    _count("records"),
    _count("rejected_lines"),
    _count("lines_of_rejected_orders"),
    _count("rejected_orders"),
    Column("parsed", JSON, comment="result of parsing, and the rules applied"),
    Column("max_rejects", String, comment="limit of bad lines: a number, or a share such as 5%"),
    Column("batches_removed_at", BigInteger),
    Column("original_removed_at", BigInteger),
    Column("rejects_removed_at", BigInteger),
    Column("removed_rejects", JSON, comment="number of removed rejects by code"),
    Column("reopened_at", BigInteger, comment="when it was last reopened"),
    _count("left_out_lines"),
    _count("repeated_lines"),
    Column("dropped_at", BigInteger, comment="when its file was dropped (ns), until it has a run"),
    Column("dismissed_at", BigInteger, comment="when its refusal was dismissed"),
    Column("tries", Integer, nullable=False, server_default=text("0"), comment="of parsing, since a success"),
    # Returns of the file that were stored, were known before, or were rejected when stored; and their lines.
    _count("returns"),
    _count("return_lines"),
    _count("duplicate_returns"),
    _count("duplicate_return_lines"),
    _count("refused_returns"),
    _count("refused_return_lines"),
    # Sensors and alerts look for the few that are not finished.
    Index(None, "status"),
    Index("ix_imports_to_launch", "id", sqlite_where=_TO_LAUNCH, postgresql_where=_TO_LAUNCH),
)

batches = Table(
    "batches",
    metadata,
    Column("import_id", ForeignKey("imports.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("first_order_id", BigInteger, nullable=False),
    _count("orders"),
    _count("lines"),
    Column("loaded", BigInteger, nullable=False, server_default=text("0"), comment="orders read so far"),
    _count("accepted_lines"),
    _count("duplicate_lines"),
    _count("duplicate_orders"),
    _count("conflict_lines"),
    _count("conflict_orders"),
    Column("answered", BigInteger, nullable=False, server_default=text("0"), comment="charges answered"),
    *(_count(status) for status in OrderStatus if status is not OrderStatus.AUTHORIZED),
    Column("retried", BigInteger, nullable=False, server_default=text("0"), comment="orders reopened"),
    Column("progress_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0"), comment="of steps, since a success"),
    Column(
        "checksum", BigInteger, nullable=False, server_default=text("0"), comment="see loading/checksum.py"
    ),
    # KPI days of its orders; empty until it is loaded, and for batches that an older version loaded.
    Column("first_day", Date),
    Column("last_day", Date),
    CheckConstraint(
        " AND ".join(f"{status} >= 0" for status in OrderStatus if status is not OrderStatus.AUTHORIZED),
        name="counts_not_negative",
    ),
    _count(OrderStatus.AUTHORIZED),
    CheckConstraint("authorized >= 0", name="authorized_not_negative"),
    # Of its orders, by code points; empty until it is loaded.
    Column("first_number", String),
    Column("last_number", String),
    UniqueConstraint("import_id", "number", "source_id"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("import_id", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("source_id", Integer, nullable=False),
    Column("number", String, nullable=False),
    Column("customer_id", ForeignKey("customers.id"), comment="empty for a guest"),
    Column("currency", String(3), nullable=False),
    Column("total", BigInteger, nullable=False),
    CheckConstraint("total >= 0", name="total_not_negative"),
    Column("ordered_at", BigInteger, nullable=False),
    Column("day", Date, nullable=False, comment="KPI day, in the configured time zone"),
    Column("file_line", BigInteger, nullable=False, comment="line of the file on which it starts"),
    Column("loaded_at", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    CheckConstraint("attempt >= 1", name="attempt_positive"),
    Column("status", String, nullable=False),
    _one_of("status", OrderStatus),
    # One key for both: PostgreSQL pays for each foreign key of a row as much as for writing the row.
    ForeignKeyConstraint(
        ["import_id", "batch", "source_id"], ["batches.import_id", "batches.number", "batches.source_id"]
    ),
    UniqueConstraint("source_id", "number"),
    # With the id, the list of orders is read in its order.
    Index("ix_orders_day", "day", "id"),
    Index("ix_orders_customer_id", "customer_id", postgresql_ops={"customer_id": PREFIXES}, **_where(_NAMED)),
    # With the id, searches find orders of days by the ids of their batches.
    Index("ix_orders_currency", "currency", "id"),
    # For searches by prefix: SQLite uses the unique key, which PostgreSQL cannot with a language's collation.
    Index("ix_orders_number", "number", postgresql_ops={"number": PREFIXES}).ddl_if(dialect="postgresql"),
    # Three status updates follow each insert; free space on the page keeps PostgreSQL's updates heap-only.
    postgresql_with={"fillfactor": "50"},
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False),
    Column("quantity", UnitsColumn, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    Column("total", BigInteger, nullable=False),
    CheckConstraint("total > 0", name="total_positive"),
    Column("file_line", BigInteger, nullable=False),
    # In 1/10,000; `total` is before it.
    Column("discount", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("discount >= 0", name="discount_not_negative"),
    Index("ix_order_lines_product_id", "product_id", "order_id"),
    sqlite_with_rowid=False,
)

# Only orders that owe more or less than their lines have rows here.
order_amounts = Table(
    "order_amounts",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    _one_of("kind", AmountKind),
    Column("amount", BigInteger, nullable=False, comment="in 1/10,000 of the currency"),
    sqlite_with_rowid=False,
)

# Only orders that are paid elsewhere have rows here.
recorded_payments = Table(
    "recorded_payments",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("paid", BigInteger, nullable=False, comment="in the currency's minor unit"),
    CheckConstraint("paid >= 0", name="paid_not_negative"),
    Column("reference", String, nullable=False),
    sqlite_with_rowid=False,
)

# Only orders whose file names what the customer pays with have rows here.
order_payers = Table(
    "order_payers",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("payment_method", String, comment="as the gateway names it"),
    Column("customer_ref", String, comment="the customer, as the gateway names them"),
    sqlite_with_rowid=False,
)

reservations = Table(
    "reservations",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("status", String, nullable=False),
    _one_of("status", ReservationStatus),
    Column("reserved_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    CheckConstraint("(status = 'held') = (closed_at IS NULL)", name="closed_when_not_held"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "50"},
)

payments = Table(
    "payments",
    metadata,
    Column("order_id", BigInteger, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    Column("status", String, nullable=False),
    _one_of("status", PaymentStatus),
    Column("requested_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("transaction_id", String),
    Column("decline_reason", String),
    Column("method", String, nullable=False, server_default=PaymentMethod.GATEWAY.value),
    _one_of("method", PaymentMethod),
    # In minor units: the parts of the amount that open and completed refunds use. A refund takes its part
    # before the gateway is asked, and gives it back if it fails.
    Column("refunded", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded_within_amount"),
    # No payment without a reservation of the same attempt.
    ForeignKeyConstraint(["order_id", "attempt"], ["reservations.order_id", "reservations.attempt"]),
    CheckConstraint(
        "(status NOT IN ('processing', 'declined')) = (transaction_id IS NOT NULL)",
        name="transaction_when_succeeded",
    ),
    CheckConstraint(
        "(status IN ('declined', 'capture_declined')) = (decline_reason IS NOT NULL)",
        name="reason_when_declined",
    ),
    CheckConstraint("(status = 'processing') = (answered_at IS NULL)", name="answered_when_known"),
    Index(
        "ix_payments_transaction_id",
        "transaction_id",
        postgresql_ops={"transaction_id": PREFIXES},
        **_where(_PAID),
    ),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "50"},
)

# Only payments that are captured later have rows here.
authorizations = Table(
    "authorizations",
    metadata,
    Column("order_id", BigInteger, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("authorized_at", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    _one_of("status", AuthorizationStatus),
    Column("wanted", String, comment="requested: capture or void"),
    _one_of("wanted", EndKind),
    Column("wanted_at", BigInteger),
    Column("wanted_by", String),
    Column("reason", String, comment="reason of a void"),
    Column("detail", String, comment="reason of a void, in words"),
    Column("round", Integer, nullable=False, comment="1, plus 1 for each failed void"),
    Column("tries", Integer, nullable=False, comment="requests to the gateway in this round"),
    Column("asked_at", BigInteger, comment="when the gateway was last asked"),
    Column("settled_at", BigInteger, comment="when it ended"),
    Column("transaction_id", String, comment="of the capture or void at the gateway"),
    Column("failure", String, comment="why the capture was declined, or the last void failed"),
    Column(
        "boards_due",
        Boolean,
        nullable=False,
        comment="whether leaderboards do not show the captured order yet",
    ),
    ForeignKeyConstraint(["order_id", "attempt"], ["payments.order_id", "payments.attempt"]),
    CheckConstraint("(status = 'open') = (wanted IS NULL)", name="wanted_when_not_open"),
    CheckConstraint(
        "(status IN ('captured', 'voided', 'declined')) = (settled_at IS NOT NULL)", name="settled_when_ended"
    ),
    Index(
        "ix_authorizations_open", "authorized_at", sqlite_where=_NOT_SETTLED, postgresql_where=_NOT_SETTLED
    ),
    Index("ix_authorizations_boards_due", "order_id", sqlite_where=_BOARDS_DUE, postgresql_where=_BOARDS_DUE),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "50"},
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("refund_id", String, nullable=False, unique=True, comment="random; its public id"),
    Column("order_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", String, nullable=False),
    _one_of("kind", RefundKind),
    Column("method", String, nullable=False, comment="recorded: refunded elsewhere"),
    _one_of("method", PaymentMethod),
    Column("amount", BigInteger, nullable=False, comment="in the currency's minor unit"),
    Column("shipping", BigInteger, nullable=False, comment="part of the amount that belongs to no line"),
    Column("fee", BigInteger, nullable=False, comment="fee of a dispute, in addition to the amount"),
    Column("restock", Boolean, nullable=False, comment="whether the units of its lines go back into stock"),
    Column("reason", String, nullable=False, comment="reason given in the request"),
    Column("requested_at", BigInteger, nullable=False),
    Column("requested_by", String, nullable=False),
    Column("request_key", String, unique=True, comment="idempotency key of the request"),
    Column("request_digest", String(64), comment="SHA-256 of the request with this key"),
    Column("needs_approval", Boolean, nullable=False, comment="waits for approval by another operator"),
    Column("approved_by", String),
    Column("status", String, nullable=False),
    _one_of("status", RefundStatus),
    Column("round", Integer, nullable=False, comment="1, plus 1 for each retry after a failure"),
    Column("tries", Integer, nullable=False, comment="requests to the gateway in this round"),
    Column("asked_at", BigInteger, comment="when the gateway was last asked"),
    Column("settled_at", BigInteger, comment="when the outcome was known; empty while it is open"),
    Column("day", Date, comment="KPI day of a completed refund"),
    Column("transaction_id", String, comment="of the refund at the gateway, or its reference elsewhere"),
    Column("failure", String, comment="why it failed"),
    Column("boards_due", Boolean, nullable=False, comment="whether leaderboards do not show its outcome yet"),
    ForeignKeyConstraint(["order_id", "attempt"], ["payments.order_id", "payments.attempt"]),
    CheckConstraint("amount >= 0 AND fee >= 0 AND shipping >= 0 AND shipping <= amount", name="amounts"),
    CheckConstraint(
        "(status IN ('pending', 'processing')) = (settled_at IS NULL)", name="settled_when_known"
    ),
    CheckConstraint("(status = 'completed') = (day IS NOT NULL)", name="day_when_completed"),
    CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="failure_when_failed"),
    Index(None, "order_id"),
    Index(None, "day", **_where(_OF_DAY)),
    Index("ix_refunds_open", "id", sqlite_where=_OPEN_REFUND, postgresql_where=_OPEN_REFUND),
    Index("ix_refunds_failed", "settled_at", sqlite_where=_FAILED_REFUND, postgresql_where=_FAILED_REFUND),
    Index("ix_refunds_boards_due", "id", sqlite_where=_BOARDS_DUE, postgresql_where=_BOARDS_DUE),
    postgresql_with={"fillfactor": "50"},
)

# The lines of an order of which a refund returns units; a refund of an amount alone has none.
refund_lines = Table(
    "refund_lines",
    metadata,
    Column("refund", ForeignKey("refunds.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("quantity", UnitsColumn, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    Column("amount", BigInteger, nullable=False, comment="in the currency's minor unit"),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    sqlite_with_rowid=False,
)

# Events that the payment gateway sent, each once.
gateway_events = Table(
    "gateway_events",
    metadata,
    Column("id", String, primary_key=True, comment="given by the gateway; repetitions have the same id"),
    Column("type", String, nullable=False),
    Column("subject", String, nullable=False, comment="id of a dispute, or key of a refund"),
    Column("body", String, nullable=False, comment="as it was sent"),
    Column("received_at", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    _one_of("status", GatewayEventStatus),
    Column("reason", String, nullable=False, comment="why it waits or changes nothing"),
    Index(None, "subject"),
    Index("ix_gateway_events_waiting", "id", sqlite_where=_WAITING_EVENT, postgresql_where=_WAITING_EVENT),
    sqlite_with_rowid=False,
)

# Returns that a file reports without naming the order: money given back elsewhere, on a day of its own.
returns = Table(
    "returns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("import_id", ForeignKey("imports.id"), nullable=False, index=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("number", String, nullable=False),
    Column("customer_id", ForeignKey("customers.id"), comment="empty for a guest"),
    Column("currency", String(3), nullable=False),
    Column("total", BigInteger, nullable=False, comment="refunded amount, in the currency's minor unit"),
    CheckConstraint("total >= 0", name="total_not_negative"),
    Column("returned_at", BigInteger, nullable=False),
    Column("day", Date, nullable=False, comment="KPI day"),
    Column("file_line", BigInteger, nullable=False),
    Column("loaded_at", BigInteger, nullable=False),
    UniqueConstraint("source_id", "number"),
    Index(None, "day"),
)

return_lines = Table(
    "return_lines",
    metadata,
    Column("return_id", ForeignKey("returns.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False),
    Column("quantity", UnitsColumn, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    Column("total", BigInteger, nullable=False, comment="in 1/10,000"),
    CheckConstraint("total >= 0", name="total_not_negative"),
    Column("file_line", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# The lines of returns that name their order. Each such return is booked as a recorded refund of it.
order_returns = Table(
    "order_returns",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("number", String, primary_key=True, comment="number of the return"),
    Column("line", Integer, primary_key=True),
    Column("import_id", ForeignKey("imports.id"), nullable=False, index=True),
    Column("order_number", String, nullable=False, comment="number of the order that the return names"),
    Column("currency", String(3), nullable=False),
    Column("returned_at", BigInteger, nullable=False),
    Column("day", Date, nullable=False, comment="KPI day of the refund"),
    Column("sku", String, nullable=False),
    Column("quantity", UnitsColumn, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    Column("amount", BigInteger, comment="in the currency's minor unit; empty if the file has none"),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    Column("record", BigInteger, nullable=False, comment="number of the record in the file"),
    Column("file_line", BigInteger, nullable=False),
    Column("booked_at", BigInteger, comment="empty until the refund is in the store"),
    sqlite_with_rowid=False,
)

failures = Table(
    "failures",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    Index("ix_failures_reason", "reason", "order_id"),
    sqlite_with_rowid=False,
)

step_failures = Table(
    "step_failures",
    metadata,
    Column("import_id", ForeignKey("imports.id"), primary_key=True),
    Column("batch", Integer, primary_key=True, comment="0: the step works on the whole file"),
    Column("step", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("attempts", Integer, nullable=False, comment="failed tries since the last success"),
    Column("error", String, nullable=False, comment="class of the last try's error"),
    Column("message", String, nullable=False),
    Column("trace", String, nullable=False, comment="frames of the error and its causes, without values"),
    Column("failed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

intake_pause = Table(
    "intake_pause",
    metadata,
    Column("id", Integer, primary_key=True),
    CheckConstraint("id = 1", name="one_row"),
    Column("paused_at", BigInteger, nullable=False),
    Column("paused_by", String, nullable=False),
    Column("because", String, nullable=False),
)

quarantined_files = Table(
    "quarantined_files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("file_name", String, nullable=False, comment="in the inbox; unprintable characters are escaped"),
    Column("kept_as", String, nullable=False, comment="name in the folder quarantine"),
    Column("file_bytes", BigInteger, nullable=False),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("quarantined_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_as", String, comment="dismissed, retried or removed"),
    Column("partition_key", String, comment="key of the resulting import"),
    Column("retry_asked_at", BigInteger, comment="when a retry was requested; empty once it was tried"),
    Column("retry_as", JSON, comment="reading options of the retry"),
    CheckConstraint("(closed_at IS NULL) = (closed_as IS NULL)", name="closed_with_outcome"),
    Index(
        "uq_quarantined_files_open",
        "kept_as",
        unique=True,
        sqlite_where=_NOT_CLOSED,
        postgresql_where=_NOT_CLOSED,
    ),
)

backups = Table(
    "backups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, comment="empty while it runs, or if it was killed"),
    Column("folder", String, nullable=False),
    Column("error", String, comment="why it failed"),
    Index(None, "started_at"),
)

order_notes = Table(
    "order_notes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("noted_at", BigInteger, nullable=False),
    Column("note", String, nullable=False),
)

rejects = Table(
    "rejects",
    metadata,
    Column("import_id", ForeignKey("imports.id"), primary_key=True),
    Column("record", BigInteger, primary_key=True, comment="number of the record, not counting the header"),
    Column("line", BigInteger, nullable=False),
    Column("order_number", String),
    Column("column_name", String),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("raw", String, nullable=False),
    Column(
        "item", Integer, primary_key=True, server_default=text("1"), comment="of a record with several items"
    ),
    sqlite_with_rowid=False,
)

# Orders and returns of a file that the store had with the same content. Files without any have no rows here.
duplicate_orders = Table(
    "duplicate_orders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("import_id", ForeignKey("imports.id"), nullable=False, index=True),
    Column("number", String, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total", BigInteger, nullable=False, comment="in minor units; negative for a return"),
    Column("file_line", BigInteger, nullable=False),
)

# The results of imports in the outbox: the version that was written last, or is being written.
result_files = Table(
    "result_files",
    metadata,
    Column("import_id", ForeignKey("imports.id"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("digest", String(64), comment="SHA-256 of the results; empty if none could be written yet"),
    Column("settled_at", BigInteger, comment="settled_at of the import when the results were read"),
    Column("written", Boolean, nullable=False, server_default=false()),
    Column("error", String, comment="why the outbox failed"),
    Column("failed_at", BigInteger),
)

# Imports whose results changed after they had finished, until the outbox has the new ones.
result_changes = Table(
    "result_changes",
    metadata,
    Column("id", Id, primary_key=True),
    # No foreign key: it would lock the import, which comes first in the lock order.
    Column("import_id", Integer, nullable=False, index=True),
)

customer_totals = Table(
    "customer_totals",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("currency", String(3), primary_key=True),
    _count("orders"),
    _count("spent"),
    # Given back to the customer by completed refunds and returns. `version` grows whenever it changes.
    _count("refunded"),
    _count("version"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "70"},
)

product_totals = Table(
    "product_totals",
    metadata,
    Column("product_id", ForeignKey("products.id"), primary_key=True),
    Column("currency", String(3), primary_key=True),
    _count("orders"),
    _units("units"),
    Column("revenue", BigInteger, nullable=False, server_default=text("0"), comment="in 1/10,000"),
    # Of completed refunds of lines and of returns; `refunded` in 1/10,000. `version` grows with each change
    # of these two.
    _units("units_returned"),
    _count("refunded"),
    _count("version"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "70"},
)

kpi_days = Table(
    "kpi_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("version", BigInteger, nullable=False, comment="grows with each change of the day's orders"),
    Column("published", BigInteger, nullable=False, comment="version that the warehouse shows"),
    Column("due_since", BigInteger, comment="first change that the warehouse does not show"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("taken_at", BigInteger, primary_key=True, autoincrement=False),
    Column("waiting", JSON, nullable=False, comment="tasks by queue"),
    _count("pending"),
    _count("processing"),
    Column("settled", BigInteger, nullable=False, server_default=text("0"), comment="orders of all time"),
    Column("ended", BigInteger, nullable=False, server_default=text("0"), comment="attempts of all time"),
    Column("unsold", BigInteger, nullable=False, server_default=text("0"), comment="those without a sale"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False),
    Column(
        "subject", String, nullable=False, comment="what it concerns: a queue, a service, a partition key"
    ),
    Column("detail", String, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False, comment="when its condition last held"),
    Column("over_at", BigInteger),
    Column("told", Boolean, nullable=False, comment="whether a notice of its current state was sent"),
    Index("uq_alerts_open", "name", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "over_at"),
)

# Profiles of shops, by which their files are recognised.
column_profiles = Table(
    "column_profiles",
    metadata,
    Column("name", String, primary_key=True),
    Column("toml", String, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
    Column("saved_by", String, nullable=False, comment="cli:USER, user:NAME or key:NAME"),
    sqlite_with_rowid=False,
)

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column(
        "actor", String, nullable=False, comment="cli:USER, user:NAME, key:NAME, or a part of the pipeline"
    ),
    Column("action", String, nullable=False, comment="such as orders.retry"),
    Column("target", String, nullable=False, comment="object of the action, if there is one"),
    Column("detail", JSON, nullable=False),
    Index(None, "at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", String, primary_key=True),
    Column("prefix", String, nullable=False, unique=True, comment="part by which the key is found"),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the whole key"),
    Column("scope", String, nullable=False),
    _one_of("scope", Scope),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger, comment="last use, to the hour"),
)

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String, nullable=False, unique=True, comment="in lower case"),
    Column("role", String, nullable=False),
    _one_of("role", Role),
    Column("password", String, comment="Argon2 hash; empty for a user without a password"),
    Column("subject", String, unique=True, comment="issuer and `sub` at the OpenID provider"),
    Column("created_at", BigInteger, nullable=False),
    Column("signed_in_at", BigInteger, comment="last sign-in"),
)

user_sessions = Table(
    "user_sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the token in the cookie"),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False, index=True),
    Column("method", String, nullable=False),
    _one_of("method", SignInMethod),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False, comment="last use, to the minute"),
    Column("expires_at", BigInteger, nullable=False, comment="end of the session, even if it is in use"),
    Column("address", String, nullable=False, comment="address of the client"),
    Column("browser", String, nullable=False, comment="User-Agent, shortened"),
)

# Each signs its user in once.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the token in the link"),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False),
)

# Receivers of events. Removed ones stay, so that their numbers are never given again.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", String, nullable=False),
    Column("batch_size", Integer, nullable=False, comment="most events in a request; 1: no batches"),
    CheckConstraint("batch_size >= 1", name="batch_size_positive"),
    Column("secret", String, comment="signs requests; empty once it is removed"),
    Column("previous_secret", String, comment="also signs, until previous_until"),
    Column("previous_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    Column("holder", String, comment="process that delivers to it"),
    Column("held_until", BigInteger, comment="when another process may take over"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="since the last success"),
    Column("failing_since", BigInteger, comment="first of these failures"),
    Column("paused_until", BigInteger, comment="when the next request is tried"),
    Column("last_error", String, comment="error of the last failure"),
    Column("last_success_at", BigInteger),
)

webhook_subscriptions = Table(
    "webhook_subscriptions",
    metadata,
    Column("type", String, primary_key=True),
    Column("endpoint_id", ForeignKey("webhook_endpoints.id"), primary_key=True),
    sqlite_with_rowid=False,
)

# An event is written in the transaction of the change, and later distributed to the endpoints.
# `order_id` has no foreign key, because on PostgreSQL it would cost as much as the row.
events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("order_id", BigInteger, index=True),
    Column("attempt", Integer),
    Column("subject", String, comment="empty for an order: then source and number"),
    Column("data", JSON, comment="empty if it follows from the order and its attempt"),
    Column("spread_at", BigInteger, comment="when it was distributed to its endpoints"),
    Index("ix_events_not_spread", "id", sqlite_where=_NOT_SPREAD, postgresql_where=_NOT_SPREAD),
    sqlite_autoincrement=True,
)

# An event for an endpoint. Events with the same `message` (the id of the first) are sent in one request.
deliveries = Table(
    "deliveries",
    metadata,
    Column("event_id", ForeignKey("events.id"), primary_key=True),
    Column("endpoint_id", ForeignKey("webhook_endpoints.id"), primary_key=True),
    Column("subject", String, nullable=False),
    Column("message", BigInteger, comment="empty before the first try"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", BigInteger),
    Column("settled_at", BigInteger, comment="when it was delivered, or listed as failed"),
    Column("failed_at", BigInteger, comment="settled_at, if it was listed as failed"),
    Column("error", String, comment="error of the last try, if it failed"),
    CheckConstraint("failed_at IS NULL OR settled_at IS NOT NULL", name="failed_when_settled"),
    Index(
        "ix_deliveries_untried",
        "endpoint_id",
        "event_id",
        sqlite_where=_UNTRIED,
        postgresql_where=_UNTRIED,
    ),
    Index(
        "ix_deliveries_tried",
        "endpoint_id",
        "message",
        "next_try_at",
        sqlite_where=_TRIED,
        postgresql_where=_TRIED,
    ),
    Index(
        "ix_deliveries_waiting",
        "endpoint_id",
        "subject",
        "event_id",
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index("ix_deliveries_failed", "endpoint_id", "event_id", sqlite_where=_FAILED, postgresql_where=_FAILED),
    sqlite_with_rowid=False,
)

# Addresses of customers who may get notices. Empty while notices are off.
customer_contacts = Table(
    "customer_contacts",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("email", String, nullable=False, comment="address in the most recently loaded order"),
    Column("language", String, comment="code such as de, if a file has one"),
    Column("unsubscribed_at", BigInteger, comment="when the customer unsubscribed"),
    Column("bounced_at", BigInteger, comment="when a mail server refused the address permanently"),
    sqlite_with_rowid=False,
)

# The types of events about which customers get notices. Empty while notices are off.
notification_types = Table(
    "notification_types",
    metadata,
    Column("type", String, primary_key=True),
    sqlite_with_rowid=False,
)

# A notice for each event of an order whose customer has an address. It holds no address.
# `event_id` and `order_id` have no foreign keys: events are removed sooner.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", BigInteger, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("order_id", BigInteger, nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("customer_id", String, nullable=False, index=True),
    Column("channel", String, nullable=False),
    Column("status", String, nullable=False),
    _one_of("status", NotificationStatus),
    Column("data", JSON, comment="data of the event that the order does not have"),
    Column("event_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", BigInteger, nullable=False),
    Column("tried_at", BigInteger, comment="when it was last handed to the mail server"),
    Column("settled_at", BigInteger, comment="when its status became final"),
    Column("reason", String, comment="why it was skipped, or why the last try failed"),
    Column("round", Integer, nullable=False, server_default=text("0"), comment="number of resends"),
    Index("ix_notifications_to_send", "next_try_at", **_where(_TO_SEND)),
    Index(None, "tried_at"),
)

# The process that sends notices, and whether it can.
notification_sender = Table(
    "notification_sender",
    metadata,
    Column("id", Integer, primary_key=True),
    CheckConstraint("id = 1", name="one_row"),
    Column("holder", String, comment="process that sends notices"),
    Column("held_until", BigInteger, comment="when another process may take over"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="since the last success"),
    Column("failing_since", BigInteger, comment="first of these failures"),
    Column("paused_until", BigInteger, comment="when the next connection is tried"),
    Column("last_error", String, comment="error of the last failure"),
    Column("last_success_at", BigInteger),
)

# Reports of payment providers, and statements of banks, each once by its content.
settlement_files = Table(
    "settlement_files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("format", String, nullable=False, comment="stripe, adyen, plain, camt053 or mt940"),
    Column("file_name", String, nullable=False),
    Column("file_sha256", String(64), nullable=False, unique=True),
    Column("file_bytes", BigInteger, nullable=False),
    Column("provider", String, comment="provider of the report; empty for a bank statement"),
    Column("account", String, nullable=False, comment="at the provider or bank; empty if the file has none"),
    Column("first_at", BigInteger, comment="time of the first line, or first day of a statement"),
    Column("last_at", BigInteger),
    Column("imported_at", BigInteger, nullable=False),
    Column("imported_by", String, nullable=False),
    _count("records"),
    _count("accepted"),
    _count("duplicates"),
    _count("unrelated"),
    _count("rejected"),
)

settlement_rejects = Table(
    "settlement_rejects",
    metadata,
    Column("file_id", Id, ForeignKey("settlement_files.id"), primary_key=True),
    Column("line", BigInteger, primary_key=True),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("raw", String, nullable=False),
    sqlite_with_rowid=False,
)

# What bank statements cover, since a payout is missing only if those of its account were imported.
bank_coverage = Table(
    "bank_coverage",
    metadata,
    Column("file_id", Id, ForeignKey("settlement_files.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False, comment="of the statement in its file"),
    Column("account", String, nullable=False),
    Column("currency", String(3), nullable=False, comment="empty if the statement names none"),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Transfers of a provider to the bank. The amount of a payout is the sum of its lines.
payouts = Table(
    "payouts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", String, nullable=False),
    Column("account", String, nullable=False),
    Column("reference", String, nullable=False, comment="id at the provider"),
    Column("currency", String(3), nullable=False),
    Column("paid_at", BigInteger, comment="when the provider sent it"),
    # Both references in the form of `bank_references`.
    Column("reference_key", String, nullable=False),
    Column("bank_reference_key", String, comment="reference at the bank, if the provider reports it"),
    UniqueConstraint("provider", "account", "reference", "currency"),
    Index(None, "paid_at"),
)

# Money is in minor units, from the shop's view: negative if it leaves the balance at the provider.
payout_lines = Table(
    "payout_lines",
    metadata,
    Column("id", Id, primary_key=True),
    Column("file_id", Id, ForeignKey("settlement_files.id"), nullable=False, index=True),
    Column("file_line", BigInteger, nullable=False),
    Column("provider", String, nullable=False),
    Column("account", String, nullable=False),
    Column("line_key", String, nullable=False, comment="id at the provider, or a digest of the line"),
    Column("kind", String, nullable=False),
    _one_of("kind", MovementKind),
    Column("payment_ref", String, comment="the charge, as the provider names it"),
    Column("source_ref", String, comment="the refund, dispute or capture, as the provider names it"),
    Column("amount", BigInteger, nullable=False, comment="in the currency of the order"),
    Column("amount_currency", String(3), nullable=False),
    Column("gross", BigInteger, nullable=False, comment="in the currency of the payout"),
    Column("fee", BigInteger, nullable=False, comment="fee that the provider kept"),
    Column("net", BigInteger, nullable=False),
    CheckConstraint("gross - fee = net", name="net_is_gross_less_fee"),
    Column("currency", String(3), nullable=False),
    Column("booked_at", BigInteger, nullable=False),
    Column("payout_id", Id, ForeignKey("payouts.id"), index=True),
    UniqueConstraint("provider", "account", "line_key"),
    Index(None, "payment_ref"),
    Index(None, "source_ref"),
    Index(None, "booked_at"),
)

# Lines of bank statements that name a payment provider or a payout. Other lines are not stored.
bank_lines = Table(
    "bank_lines",
    metadata,
    Column("id", Id, primary_key=True),
    Column("file_id", Id, ForeignKey("settlement_files.id"), nullable=False, index=True),
    Column("file_line", BigInteger, nullable=False),
    Column("account", String, nullable=False),
    Column("line_key", String, nullable=False, comment="id at the bank, or a digest of the line"),
    Column("booked_at", BigInteger, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False, comment="in minor units; negative if money left the bank"),
    Column("currency", String(3), nullable=False),
    Column("sender", String, comment="the provider that the text names"),
    Column("text", String, nullable=False),
    UniqueConstraint("account", "line_key"),
)

# Parts of a bank line that may be the reference of a payout: its words, and two or three words in a row.
bank_references = Table(
    "bank_references",
    metadata,
    Column("bank_line_id", Id, ForeignKey("bank_lines.id"), primary_key=True),
    Column("reference", String, primary_key=True, comment="capital letters and digits only"),
    Index(None, "reference"),
    sqlite_with_rowid=False,
)
