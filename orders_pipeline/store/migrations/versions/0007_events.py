"""Events for other systems, their receivers and deliveries; thresholds of low stock"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "untried": (["endpoint_id", "event_id"], "settled_at IS NULL AND message IS NULL"),
    "tried": (["endpoint_id", "message", "next_try_at"], "settled_at IS NULL AND message IS NOT NULL"),
    "waiting": (["endpoint_id", "subject", "event_id"], "settled_at IS NULL"),
    "failed": (["endpoint_id", "event_id"], "failed_at IS NOT NULL"),
}


def upgrade() -> None:
    op.add_column(
        "products",
        sa.Column(
            "low_stock",
            sa.BigInteger(),
            comment="units on hand from which on an event says that stock is low",
        ),
    )
    _create_endpoints()
    _create_events()
    _create_deliveries()


def _create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column(
            "batch_size", sa.Integer(), nullable=False, comment="most events in a request; 1: no batches"
        ),
        sa.Column("secret", sa.String(), comment="signs requests; empty once it is removed"),
        sa.Column("previous_secret", sa.String(), comment="signs too, until previous_until"),
        sa.Column("previous_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("holder", sa.String(), comment="the process that delivers to it"),
        sa.Column("held_until", sa.BigInteger(), comment="when another process may take over"),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="since the last success",
        ),
        sa.Column("failing_since", sa.BigInteger(), comment="first of these failures"),
        sa.Column("paused_until", sa.BigInteger(), comment="when the next request is tried"),
        sa.Column("last_error", sa.String(), comment="of the last failure"),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.CheckConstraint("batch_size >= 1", name=op.f("ck_webhook_endpoints_batch_size_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "webhook_subscriptions",
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_subscriptions_endpoint_id"),
        ),
        sa.PrimaryKeyConstraint("type", "endpoint_id", name=op.f("pk_webhook_subscriptions")),
        sqlite_with_rowid=False,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger()),
        sa.Column("attempt", sa.Integer()),
        sa.Column("subject", sa.String(), comment="empty for an order, whose source and number it is"),
        sa.Column("data", sa.JSON(), comment="empty where it follows from the order and its attempt"),
        sa.Column("spread_at", sa.BigInteger(), comment="when it was given to its endpoints"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    not_spread = sa.text("spread_at IS NULL")
    op.create_index(
        "ix_events_not_spread", "events", ["id"], sqlite_where=not_spread, postgresql_where=not_spread
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("endpoint_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("message", sa.BigInteger(), comment="empty before the first try"),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.BigInteger()),
        sa.Column("settled_at", sa.BigInteger(), comment="when it was delivered, or listed as failed"),
        sa.Column("failed_at", sa.BigInteger(), comment="settled_at, if it was listed as failed"),
        sa.Column("error", sa.String(), comment="of the last try, if it failed"),
        sa.CheckConstraint(
            "failed_at IS NULL OR settled_at IS NOT NULL", name=op.f("ck_deliveries_failed_when_settled")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_deliveries_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_deliveries_event_id")),
        sa.PrimaryKeyConstraint("event_id", "endpoint_id", name=op.f("pk_deliveries")),
        sqlite_with_rowid=False,
    )
    for name, (columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(
            f"ix_deliveries_{name}", "deliveries", columns, sqlite_where=where, postgresql_where=where
        )


def downgrade() -> None:
    for table in ("deliveries", "events", "webhook_subscriptions", "webhook_endpoints"):
        op.drop_table(table)
    op.execute("ALTER TABLE products DROP COLUMN low_stock")
