"""Searches by currency, by reason and by the beginning of a number find orders of some days"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("first_number", "last_number"):
        op.add_column("batches", sa.Column(column, sa.String()))
    _fill()
    op.create_index("ix_orders_currency", "orders", ["currency", "id"])
    op.drop_index("ix_failures_reason", "failures")
    op.create_index("ix_failures_reason", "failures", ["reason", "order_id"])


def _fill() -> None:
    orders = sa.table("orders", sa.column("id"), sa.column("number"))
    batches = sa.table(
        "batches", *(sa.column(name) for name in ("first_order_id", "orders", "first_number", "last_number"))
    )
    number: sa.ColumnElement[str] = orders.c.number
    if op.get_bind().dialect.name == "postgresql":
        number = sa.collate(number, "C")
    last = batches.c.first_order_id + batches.c.orders - 1
    own = orders.c.id.between(batches.c.first_order_id, last)
    ends = {
        "first_number": sa.select(sa.func.min(number)).where(own).scalar_subquery(),
        "last_number": sa.select(sa.func.max(number)).where(own).scalar_subquery(),
    }
    op.get_bind().execute(sa.update(batches).values(ends))


def downgrade() -> None:
    op.drop_index("ix_failures_reason", "failures")
    op.create_index("ix_failures_reason", "failures", ["reason"])
    op.drop_index("ix_orders_currency", "orders")
    for column in ("last_number", "first_number"):
        op.execute(f"ALTER TABLE batches DROP COLUMN {column}")
