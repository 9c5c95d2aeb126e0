"""The orders of a file that the store had, for the results of the file"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "duplicate_orders",
        sa.Column("id", ID, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="in minor units; negative for a return"),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_duplicate_orders_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_orders")),
    )
    op.create_index(op.f("ix_duplicate_orders_import_id"), "duplicate_orders", ["import_id"])


def downgrade() -> None:
    op.drop_table("duplicate_orders")
