"""Indexes for lists of orders, and the days of each batch"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PREFIXES = "text_pattern_ops"


def upgrade() -> None:
    for column in ("first_day", "last_day"):
        op.add_column("batches", sa.Column(column, sa.Date()))
    op.drop_index("ix_orders_day", "orders")
    op.create_index("ix_orders_day", "orders", ["day", "id"])
    _create_index_of_texts("orders", "customer_id")
    _create_index_of_texts("payments", "transaction_id")
    op.create_index("ix_order_lines_product_id", "order_lines", ["product_id", "order_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_orders_number", "orders", ["number"], postgresql_ops={"number": PREFIXES})


def _create_index_of_texts(table: str, column: str) -> None:
    known = sa.text(f"{column} IS NOT NULL")
    op.create_index(
        f"ix_{table}_{column}",
        table,
        [column],
        postgresql_ops={column: PREFIXES},
        postgresql_where=known,
        sqlite_where=known,
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_orders_number", "orders")
    op.drop_index("ix_order_lines_product_id", "order_lines")
    op.drop_index("ix_payments_transaction_id", "payments")
    op.drop_index("ix_orders_customer_id", "orders")
    op.drop_index("ix_orders_day", "orders")
    op.create_index("ix_orders_day", "orders", ["day"])
    for column in ("last_day", "first_day"):
        op.execute(f"ALTER TABLE batches DROP COLUMN {column}")
