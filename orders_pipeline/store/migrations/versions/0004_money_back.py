"""Refunds, disputes, and returns that files report"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Counts that imports and running totals gain.
COUNTS = {
    "imports": (
        "returns",
        "return_lines",
        "duplicate_returns",
        "duplicate_return_lines",
        "refused_returns",
        "refused_return_lines",
    ),
    "customer_totals": ("refunded", "version"),
    "product_totals": ("units_returned", "refunded", "version"),
}


def upgrade() -> None:
    # Written out, because SQLite adds a column with its check only in this form.
    op.execute(
        "ALTER TABLE payments ADD COLUMN refunded BIGINT DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_payments_refunded_within_amount CHECK (refunded >= 0 AND refunded <= amount)"
    )
    op.add_column(
        "home",
        sa.Column("restored_at", sa.BigInteger(), comment="when a backup was last restored as this store"),
    )
    for table, columns in COUNTS.items():
        for column in columns:
            op.add_column(
                table, sa.Column(column, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
            )
    _create_refunds()
    _create_returns()


def _create_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", ID, nullable=False),
        sa.Column("refund_id", sa.String(), nullable=False, comment="drawn at random; its name outside"),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "method", sa.String(), nullable=False, comment="recorded: the money was given back elsewhere"
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="in the currency's minor unit"),
        sa.Column(
            "shipping", sa.BigInteger(), nullable=False, comment="part of the amount that is of no line"
        ),
        sa.Column("fee", sa.BigInteger(), nullable=False, comment="of a dispute, on top of the amount"),
        sa.Column(
            "restock", sa.Boolean(), nullable=False, comment="whether the units of its lines are sold again"
        ),
        sa.Column("reason", sa.String(), nullable=False, comment="as given by whoever asked"),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("request_key", sa.String(), comment="idempotency key of the request"),
        sa.Column("request_digest", sa.String(64), comment="SHA-256 of what was asked with that key"),
        sa.Column("needs_approval", sa.Boolean(), nullable=False, comment="waits for another operator"),
        sa.Column("approved_by", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column(
            "round", sa.Integer(), nullable=False, comment="1, and one more for each retry after a failure"
        ),
        sa.Column(
            "tries", sa.Integer(), nullable=False, comment="times that the gateway was asked in this round"
        ),
        sa.Column("asked_at", sa.BigInteger(), comment="when the gateway was last asked"),
        sa.Column(
            "settled_at", sa.BigInteger(), comment="when the outcome was known; empty while it is open"
        ),
        sa.Column("day", sa.Date(), comment="KPI day of a completed one"),
        sa.Column(
            "transaction_id",
            sa.String(),
            comment="of the refund at the gateway, or its reference elsewhere",
        ),
        sa.Column("failure", sa.String(), comment="why it failed"),
        sa.Column(
            "boards_due",
            sa.Boolean(),
            nullable=False,
            comment="whether leaderboards do not show its outcome yet",
        ),
        sa.CheckConstraint("kind IN ('refund', 'dispute')", name=op.f("ck_refunds_kind")),
        sa.CheckConstraint("method IN ('gateway', 'recorded')", name=op.f("ck_refunds_method")),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_refunds_status"),
        ),
        sa.CheckConstraint(
            "amount >= 0 AND fee >= 0 AND shipping >= 0 AND shipping <= amount",
            name=op.f("ck_refunds_amounts"),
        ),
        sa.CheckConstraint(
            "(status IN ('pending', 'processing')) = (settled_at IS NULL)",
            name=op.f("ck_refunds_settled_when_known"),
        ),
        sa.CheckConstraint(
            "(status = 'completed') = (day IS NOT NULL)", name=op.f("ck_refunds_day_when_completed")
        ),
        sa.CheckConstraint(
            "(status = 'failed') = (failure IS NOT NULL)", name=op.f("ck_refunds_failure_when_failed")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "attempt"],
            ["payments.order_id", "payments.attempt"],
            name=op.f("fk_refunds_order_id_attempt"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_refunds_refund_id")),
        sa.UniqueConstraint("request_key", name=op.f("uq_refunds_request_key")),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"])
    op.create_index(op.f("ix_refunds_day"), "refunds", ["day"])
    still_open = sa.text("settled_at IS NULL")
    op.create_index(
        "ix_refunds_open", "refunds", ["id"], sqlite_where=still_open, postgresql_where=still_open
    )
    due = sa.text("boards_due")
    op.create_index("ix_refunds_boards_due", "refunds", ["id"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "refund_lines",
        sa.Column("refund", ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="in the currency's minor unit"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_refund_lines_quantity_positive")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_refund_lines_amount_not_negative")),
        sa.ForeignKeyConstraint(["refund"], ["refunds.id"], name=op.f("fk_refund_lines_refund")),
        sa.PrimaryKeyConstraint("refund", "line", name=op.f("pk_refund_lines")),
        sqlite_with_rowid=False,
    )


def _create_returns() -> None:
    op.create_table(
        "returns",
        sa.Column("id", ID, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), comment="empty for a guest"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column(
            "total", sa.BigInteger(), nullable=False, comment="given back, in the currency's minor unit"
        ),
        sa.Column("returned_at", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="KPI day"),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("total >= 0", name=op.f("ck_returns_total_not_negative")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_returns_import_id")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_returns_source_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_returns_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
        sa.UniqueConstraint("source_id", "number", name=op.f("uq_returns_source_id_number")),
    )
    op.create_index(op.f("ix_returns_import_id"), "returns", ["import_id"])
    op.create_index(op.f("ix_returns_day"), "returns", ["day"])
    op.create_table(
        "return_lines",
        sa.Column("return_id", ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", ID, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="in 1/10,000"),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_return_lines_quantity_positive")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_return_lines_total_not_negative")),
        sa.ForeignKeyConstraint(["return_id"], ["returns.id"], name=op.f("fk_return_lines_return_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_return_lines_product_id")),
        sa.PrimaryKeyConstraint("return_id", "line", name=op.f("pk_return_lines")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("return_lines", "returns", "refund_lines", "refunds"):
        op.drop_table(table)
    for table, columns in COUNTS.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    op.execute("ALTER TABLE home DROP COLUMN restored_at")
    op.execute("ALTER TABLE payments DROP COLUMN refunded")
