"""The events of an order are found by an index, and erased customers are counted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_events_order_id", "events", ["order_id"])
    op.add_column(
        "home", sa.Column("customers_erased", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    op.drop_column("home", "customers_erased")
    op.drop_index("ix_events_order_id", "events")
