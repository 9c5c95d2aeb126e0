"""Returns of orders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_returns",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(), nullable=False, comment="of the return"),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False, comment="that the return names"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("returned_at", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="KPI day of the refund"),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column(
            "amount", sa.BigInteger(), comment="in the currency's minor unit; empty if the file has none"
        ),
        sa.Column("record", sa.BigInteger(), nullable=False, comment="of the file"),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), comment="empty until the refund is in the store"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_returns_quantity_positive")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_order_returns_amount_not_negative")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_order_returns_import_id")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_order_returns_source_id")),
        sa.PrimaryKeyConstraint("source_id", "number", "line", name=op.f("pk_order_returns")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_order_returns_import_id"), "order_returns", ["import_id"])


def downgrade() -> None:
    op.drop_table("order_returns")
