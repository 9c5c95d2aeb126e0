"""Orders, reservations, payments, imports, rejects and running totals"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "subject",
            sa.String(),
            nullable=False,
            comment="what it is about: a queue, a service, a partition key",
        ),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="when its condition last held"),
        sa.Column("over_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "told", sa.Boolean(), nullable=False, comment="whether people were told of its present state"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alerts_over_at"), ["over_at"], unique=False)
        batch_op.create_index(
            "uq_alerts_open",
            ["name", "subject"],
            unique=True,
            sqlite_where=sa.text("over_at IS NULL"),
            postgresql_where=sa.text("over_at IS NULL"),
        )

    op.create_table(
        "api_keys",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False, comment="the part of the key by which it is found"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the whole key"),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True, comment="to the hour"),
        sa.CheckConstraint("scope IN ('read', 'operate')", name=op.f("ck_api_keys_scope")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "home",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "token", sa.String(), nullable=False, comment="drawn at random: tells this store from any other"
        ),
        sa.Column("payment_seed", sa.String(), nullable=False),
        sa.Column(
            "gateway",
            sa.String(),
            server_default="simulated",
            nullable=False,
            comment="where charges are made",
        ),
        sa.Column("next_order_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "publisher",
            sa.String(),
            server_default="",
            nullable=False,
            comment="home whose warehouse shows KPIs",
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_home_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home")),
    )
    op.create_table(
        "intake_pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=False),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_intake_pause_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_pause")),
    )
    op.create_table(
        "kpi_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, comment="grows with each change of the day's orders"
        ),
        sa.Column("published", sa.BigInteger(), nullable=False, comment="version that the warehouse shows"),
        sa.Column(
            "due_since",
            sa.BigInteger(),
            nullable=True,
            comment="first change that the warehouse does not show",
        ),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_kpi_days")),
    )
    op.create_table(
        "operator_actions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "actor",
            sa.String(),
            nullable=False,
            comment="cli:USER, key:NAME, or the part that acted by itself",
        ),
        sa.Column("action", sa.String(), nullable=False, comment="such as orders.retry"),
        sa.Column(
            "target", sa.String(), nullable=False, comment="what was acted on, where that is one thing"
        ),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_actions")),
    )
    with op.batch_alter_table("operator_actions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_operator_actions_at"), ["at"], unique=False)

    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="list price in 1/10,000"),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("initial_stock", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("restocked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sold", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "initial_stock + restocked = on_hand + reserved + sold", name=op.f("ck_products_stock_conserved")
        ),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND sold >= 0", name=op.f("ck_products_units_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("sku", name=op.f("uq_products_sku")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "snapshots",
        sa.Column("taken_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("waiting", sa.JSON(), nullable=False, comment="tasks by queue"),
        sa.Column("pending", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("processing", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "settled",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="orders of all time",
        ),
        sa.Column(
            "ended",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="attempts of all time",
        ),
        sa.Column(
            "unsold",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="those without a sale",
        ),
        sa.PrimaryKeyConstraint("taken_at", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("name", name=op.f("uq_sources_name")),
    )
    op.create_table(
        "customer_totals",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("spent", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_totals_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", "currency", name=op.f("pk_customer_totals")),
        postgresql_with={"fillfactor": "70"},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partition_key", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column(
            "identified",
            sa.JSON(),
            nullable=False,
            comment="how the file is read: dialect, encoding, profile",
        ),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True, comment="the Dagster run that last worked on it"),
        sa.Column("staged_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True, comment="when its last order was settled"),
        sa.Column("refused_because", sa.String(), nullable=True),
        sa.Column("refused_code", sa.String(), nullable=True),
        sa.Column(
            "run_beat_at", sa.BigInteger(), nullable=True, comment="last sign of life of the run's process"
        ),
        sa.Column(
            "work_beat_at",
            sa.BigInteger(),
            nullable=True,
            comment="last sign of life of a worker on one of its steps",
        ),
        sa.Column(
            "launches",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="since there last was progress",
        ),
        sa.Column(
            "progress_seen",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="at its last launch",
        ),
        sa.Column("records", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected_lines", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lines_of_rejected_orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected_orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "parsed",
            sa.JSON(),
            nullable=True,
            comment="what parsing found out, and the rules that it applied",
        ),
        sa.Column(
            "max_rejects",
            sa.String(),
            nullable=True,
            comment="bad lines that are allowed: a count, or a share such as 5%",
        ),
        sa.Column("batches_removed_at", sa.BigInteger(), nullable=True),
        sa.Column("original_removed_at", sa.BigInteger(), nullable=True),
        sa.Column("rejects_removed_at", sa.BigInteger(), nullable=True),
        sa.Column("removed_rejects", sa.JSON(), nullable=True, comment="their number by code"),
        sa.Column(
            "reopened_at",
            sa.BigInteger(),
            nullable=True,
            comment="when somebody last asked for it to be tried again",
        ),
        sa.CheckConstraint(
            "status IN ('staged', 'running', 'finished', 'refused', 'stalled')",
            name=op.f("ck_imports_status"),
        ),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_imports_source_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sa.UniqueConstraint("partition_key", name=op.f("uq_imports_partition_key")),
    )
    op.create_table(
        "product_totals",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("units", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "revenue", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="in 1/10,000"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_totals_product_id")),
        sa.PrimaryKeyConstraint("product_id", "currency", name=op.f("pk_product_totals")),
        postgresql_with={"fillfactor": "70"},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "batches",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("first_order_id", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lines", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "loaded",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="orders read so far",
        ),
        sa.Column("accepted_lines", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicate_lines", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicate_orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("conflict_lines", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("conflict_orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "answered",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="charges answered",
        ),
        sa.Column("pending", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("payment_processing", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("completed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rollback", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "retried",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="orders made open again",
        ),
        sa.Column("progress_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "tries",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of steps, since one ended well",
        ),
        sa.CheckConstraint(
            "pending >= 0 AND reserved >= 0 AND payment_processing >= 0 AND completed >= 0 AND rollback >= 0 AND failed >= 0",
            name=op.f("ck_batches_counts_not_negative"),
        ),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_batches_import_id")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_batches_source_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_batches")),
        sa.UniqueConstraint(
            "import_id", "number", "source_id", name=op.f("uq_batches_import_id_number_source_id")
        ),
    )
    op.create_table(
        "rejects",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column(
            "record", sa.BigInteger(), nullable=False, comment="record of the file, the header not counted"
        ),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=True),
        sa.Column("column_name", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column(
            "item",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="of a record that holds several",
        ),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_rejects_import_id")),
        sa.PrimaryKeyConstraint("import_id", "record", "item", name=op.f("pk_rejects")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "step_failures",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False, comment="0: the step works on the whole file"),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="tries that failed since one ended well"),
        sa.Column("error", sa.String(), nullable=False, comment="class of the last try's error"),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column(
            "trace", sa.String(), nullable=False, comment="frames of the error and its causes, without values"
        ),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_step_failures_import_id")),
        sa.PrimaryKeyConstraint("import_id", "batch", "step", name=op.f("pk_step_failures")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "orders",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True, comment="empty for a guest"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="KPI day, in the configured time zone"),
        sa.Column(
            "file_line", sa.BigInteger(), nullable=False, comment="line of the file on which it starts"
        ),
        sa.Column("loaded_at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'reserved', 'payment_processing', 'completed', 'rollback', 'failed')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_orders_attempt_positive")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_orders_total_not_negative")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id")),
        sa.ForeignKeyConstraint(
            ["import_id", "batch", "source_id"],
            ["batches.import_id", "batches.number", "batches.source_id"],
            name=op.f("fk_orders_import_id_batch_source_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("source_id", "number", name=op.f("uq_orders_source_id_number")),
        postgresql_with={"fillfactor": "50"},
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_day"), ["day"], unique=False)

    op.create_table(
        "failures",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_failures_order_id")),
        sa.PrimaryKeyConstraint("order_id", "attempt", name=op.f("pk_failures")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("failures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_failures_reason"), ["reason"], unique=False)

    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_lines_quantity_positive")),
        sa.CheckConstraint("total > 0", name=op.f("ck_order_lines_total_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_order_lines_product_id")),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_order_lines")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_notes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_notes_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_notes")),
    )
    with op.batch_alter_table("order_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_notes_order_id"), ["order_id"], unique=False)

    op.create_table(
        "reservations",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'held') = (closed_at IS NULL)", name=op.f("ck_reservations_closed_when_not_held")
        ),
        sa.CheckConstraint("status IN ('held', 'sold', 'released')", name=op.f("ck_reservations_status")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_reservations_order_id")),
        sa.PrimaryKeyConstraint("order_id", "attempt", name=op.f("pk_reservations")),
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payments",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.String(), nullable=True),
        sa.Column("decline_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(status = 'declined') = (decline_reason IS NOT NULL)",
            name=op.f("ck_payments_reason_when_declined"),
        ),
        sa.CheckConstraint(
            "(status = 'processing') = (answered_at IS NULL)", name=op.f("ck_payments_answered_when_known")
        ),
        sa.CheckConstraint(
            "(status = 'succeeded') = (transaction_id IS NOT NULL)",
            name=op.f("ck_payments_transaction_when_succeeded"),
        ),
        sa.CheckConstraint(
            "status IN ('processing', 'succeeded', 'declined')", name=op.f("ck_payments_status")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payments_amount_not_negative")),
        sa.ForeignKeyConstraint(
            ["order_id", "attempt"],
            ["reservations.order_id", "reservations.attempt"],
            name=op.f("fk_payments_order_id_attempt"),
        ),
        sa.PrimaryKeyConstraint("order_id", "attempt", name=op.f("pk_payments")),
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("payments")
    op.drop_table("reservations")
    with op.batch_alter_table("order_notes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_order_notes_order_id"))

    op.drop_table("order_notes")
    op.drop_table("order_lines")
    with op.batch_alter_table("failures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_failures_reason"))

    op.drop_table("failures")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_day"))

    op.drop_table("orders")
    op.drop_table("step_failures")
    op.drop_table("rejects")
    op.drop_table("batches")
    op.drop_table("product_totals")
    op.drop_table("imports")
    op.drop_table("customer_totals")
    op.drop_table("sources")
    op.drop_table("snapshots")
    op.drop_table("products")
    with op.batch_alter_table("operator_actions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_operator_actions_at"))

    op.drop_table("operator_actions")
    op.drop_table("kpi_days")
    op.drop_table("intake_pause")
    op.drop_table("home")
    op.drop_table("customers")
    op.drop_table("api_keys")
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_alerts_open",
            sqlite_where=sa.text("over_at IS NULL"),
            postgresql_where=sa.text("over_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_alerts_over_at"))

    op.drop_table("alerts")
