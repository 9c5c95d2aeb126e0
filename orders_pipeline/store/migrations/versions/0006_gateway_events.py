"""Events of the payment gateway"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_events",
        sa.Column(
            "id",
            sa.String(),
            nullable=False,
            comment="drawn by the gateway, the same for each repetition",
        ),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False, comment="id of a dispute, or key of a refund"),
        sa.Column("body", sa.String(), nullable=False, comment="as it was sent"),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False, comment="why it waits or changes nothing"),
        sa.CheckConstraint(
            "status IN ('waiting', 'applied', 'ignored')", name=op.f("ck_gateway_events_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_events")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_gateway_events_subject"), "gateway_events", ["subject"])
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_gateway_events_waiting",
        "gateway_events",
        ["id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_table("gateway_events")
