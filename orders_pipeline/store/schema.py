"""Tables of the order store, the only source of truth; the same on SQLite and PostgreSQL.

Times are microseconds since 1970 in UTC. Order totals and payments are in the currency's minor unit, line
totals in 1/10,000 of its major unit. An order's id comes from its batch's range, so a batch is a range of
ids and each step walks a range of the primary key: no index on `orders` holds a status.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

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
    UniqueConstraint,
    text,
)

from orders_pipeline.base.model import (
    AmountKind,
    ImportStatus,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
    ReservationStatus,
    Scope,
)

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


def _one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True),
    CheckConstraint("id = 1", name="one_row"),
    Column("token", String, nullable=False, comment="drawn at random: tells this store from any other"),
    Column("payment_seed", String, nullable=False),
    Column("gateway", String, nullable=False, server_default="simulated", comment="where charges are made"),
    Column("next_order_id", BigInteger, nullable=False),
    Column("publisher", String, nullable=False, server_default="", comment="home whose warehouse shows KPIs"),
    Column(
        "timezone", String, comment="in which the days of the stored orders are; empty before the first order"
    ),
    Column("currency", String(3), comment="of files without a currency column; empty before the first order"),
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
    _count("initial_stock"),
    _count("restocked"),
    _count("on_hand"),
    _count("reserved"),
    _count("sold"),
    CheckConstraint("on_hand >= 0 AND reserved >= 0 AND sold >= 0", name="units_not_negative"),
    CheckConstraint("initial_stock + restocked = on_hand + reserved + sold", name="stock_conserved"),
    # Each batch moves units three times: free space keeps the moves on their page.
    postgresql_with={"fillfactor": "50"},
)

customers = Table(
    "customers",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String),
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
    Column("run_beat_at", BigInteger, comment="last sign of life of the run's process"),
    Column("work_beat_at", BigInteger, comment="last sign of life of a worker on one of its steps"),
    Column(
        "launches", Integer, nullable=False, server_default=text("0"), comment="since there last was progress"
    ),
    Column(
        "progress_seen", BigInteger, nullable=False, server_default=text("0"), comment="at its last launch"
    ),
    _count("records"),
    _count("rejected_lines"),
    _count("lines_of_rejected_orders"),
    _count("rejected_orders"),
    Column("parsed", JSON, comment="what parsing found out, and the rules that it applied"),
    Column("max_rejects", String, comment="bad lines that are allowed: a count, or a share such as 5%"),
    Column("batches_removed_at", BigInteger),
    Column("original_removed_at", BigInteger),
    Column("rejects_removed_at", BigInteger),
    Column("removed_rejects", JSON, comment="their number by code"),
    Column("reopened_at", BigInteger, comment="when somebody last asked for it to be tried again"),
    _count("left_out_lines"),
    _count("repeated_lines"),
    Column("dropped_at", BigInteger, comment="ns; of its file in the inbox, until it has a run"),
    Column("dismissed_at", BigInteger, comment="when somebody set its refusal aside"),
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
    *(_count(status) for status in OrderStatus),
    Column("retried", BigInteger, nullable=False, server_default=text("0"), comment="orders made open again"),
    Column("progress_at", BigInteger, nullable=False),
    Column(
        "tries", Integer, nullable=False, server_default=text("0"), comment="of steps, since one ended well"
    ),
    CheckConstraint(" AND ".join(f"{status} >= 0" for status in OrderStatus), name="counts_not_negative"),
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
    Index(None, "day"),
    # Three status updates follow each insert; free space on the page keeps PostgreSQL's updates heap-only.
    postgresql_with={"fillfactor": "50"},
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    Column("total", BigInteger, nullable=False),
    CheckConstraint("total > 0", name="total_positive"),
    Column("file_line", BigInteger, nullable=False),
    # In 1/10,000; `total` is before it.
    Column("discount", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("discount >= 0", name="discount_not_negative"),
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
    # No payment without a reservation of the same attempt.
    ForeignKeyConstraint(["order_id", "attempt"], ["reservations.order_id", "reservations.attempt"]),
    CheckConstraint(
        "(status = 'succeeded') = (transaction_id IS NOT NULL)", name="transaction_when_succeeded"
    ),
    CheckConstraint("(status = 'declined') = (decline_reason IS NOT NULL)", name="reason_when_declined"),
    CheckConstraint("(status = 'processing') = (answered_at IS NULL)", name="answered_when_known"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "50"},
)

failures = Table(
    "failures",
    metadata,
    Column("order_id", ForeignKey("orders.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    Index(None, "reason"),
    sqlite_with_rowid=False,
)

step_failures = Table(
    "step_failures",
    metadata,
    Column("import_id", ForeignKey("imports.id"), primary_key=True),
    Column("batch", Integer, primary_key=True, comment="0: the step works on the whole file"),
    Column("step", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("attempts", Integer, nullable=False, comment="tries that failed since one ended well"),
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
    Column("file_name", String, nullable=False, comment="as dropped; what is no readable text is escaped"),
    Column("kept_as", String, nullable=False, comment="its name in the folder quarantine"),
    Column("file_bytes", BigInteger, nullable=False),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("quarantined_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_as", String, comment="dismissed, retried or removed"),
    Column("partition_key", String, comment="of the import that it became"),
    Column("retry_asked_at", BigInteger, comment="until the inbox has tried it again"),
    Column("retry_as", JSON, comment="how it is read then, by option"),
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
    Column("ended_at", BigInteger, comment="empty while it runs, and when it was killed"),
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
    Column("record", BigInteger, primary_key=True, comment="record of the file, the header not counted"),
    Column("line", BigInteger, nullable=False),
    Column("order_number", String),
    Column("column_name", String),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("raw", String, nullable=False),
    Column(
        "item", Integer, primary_key=True, server_default=text("1"), comment="of a record that holds several"
    ),
    sqlite_with_rowid=False,
)

customer_totals = Table(
    "customer_totals",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("currency", String(3), primary_key=True),
    _count("orders"),
    _count("spent"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "70"},
)

product_totals = Table(
    "product_totals",
    metadata,
    Column("product_id", ForeignKey("products.id"), primary_key=True),
    Column("currency", String(3), primary_key=True),
    _count("orders"),
    _count("units"),
    Column("revenue", BigInteger, nullable=False, server_default=text("0"), comment="in 1/10,000"),
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
        "subject", String, nullable=False, comment="what it is about: a queue, a service, a partition key"
    ),
    Column("detail", String, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False, comment="when its condition last held"),
    Column("over_at", BigInteger),
    Column("told", Boolean, nullable=False, comment="whether people were told of its present state"),
    Index("uq_alerts_open", "name", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "over_at"),
)

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String, nullable=False, comment="cli:USER, key:NAME, or the part that acted by itself"),
    Column("action", String, nullable=False, comment="such as orders.retry"),
    Column("target", String, nullable=False, comment="what was acted on, where that is one thing"),
    Column("detail", JSON, nullable=False),
    Index(None, "at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", String, primary_key=True),
    Column("prefix", String, nullable=False, unique=True, comment="the part of the key by which it is found"),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the whole key"),
    Column("scope", String, nullable=False),
    _one_of("scope", Scope),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger, comment="to the hour"),
)
