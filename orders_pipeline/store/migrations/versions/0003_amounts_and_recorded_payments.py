"""Amounts of orders beside their lines, and payments that are made elsewhere"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = "'discount', 'shipping', 'tax', 'fee', 'tip', 'unexplained', 'rounding', 'tax_included'"


def upgrade() -> None:
    # Written out, because SQLite adds a column with its check only in this form.
    op.execute(
        "ALTER TABLE order_lines ADD COLUMN discount BIGINT DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_order_lines_discount_not_negative CHECK (discount >= 0)"
    )
    op.execute(
        "ALTER TABLE payments ADD COLUMN method VARCHAR DEFAULT 'gateway' NOT NULL"
        " CONSTRAINT ck_payments_method CHECK (method IN ('gateway', 'recorded'))"
    )
    op.create_table(
        "order_amounts",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="in 1/10,000 of the currency"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_order_amounts_kind")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_amounts_order_id")),
        sa.PrimaryKeyConstraint("order_id", "kind", name=op.f("pk_order_amounts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recorded_payments",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False, comment="in the currency's minor unit"),
        sa.Column("reference", sa.String(), nullable=False),
        sa.CheckConstraint("paid >= 0", name=op.f("ck_recorded_payments_paid_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_recorded_payments_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_recorded_payments")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("recorded_payments")
    op.drop_table("order_amounts")
    op.execute("ALTER TABLE payments DROP COLUMN method")
    op.execute("ALTER TABLE order_lines DROP COLUMN discount")
