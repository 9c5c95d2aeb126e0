"""What customers pay with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_payers",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("payment_method", sa.String(), comment="as the gateway names it"),
        sa.Column("customer_ref", sa.String(), comment="the customer, as the gateway names them"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_payers_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_payers")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("order_payers")
