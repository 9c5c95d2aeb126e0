"""Notices to customers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATUSES = "'queued', 'sending', 'sent', 'failed', 'skipped', 'unknown'"
TO_SEND = sa.text("status IN ('queued', 'sending')")


def upgrade() -> None:
    _create_contacts()
    _create_notifications()
    _create_sender()


def _create_contacts() -> None:
    op.create_table(
        "customer_contacts",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False, comment="of the order that was loaded last"),
        sa.Column("language", sa.String(), comment="code such as de, if a file tells it"),
        sa.Column("unsubscribed_at", sa.BigInteger(), comment="since when the customer wants no notices"),
        sa.Column("bounced_at", sa.BigInteger(), comment="when a mail server refused the address for good"),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_contacts_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_contacts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notification_types",
        sa.Column("type", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("type", name=op.f("pk_notification_types")),
        sqlite_with_rowid=False,
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), comment="what the event tells beside the order"),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), comment="when it was last handed to the mail server"),
        sa.Column("settled_at", sa.BigInteger(), comment="when its status became final"),
        sa.Column("reason", sa.String(), comment="why it was skipped, or why the last try failed"),
        sa.Column(
            "round",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="times it was sent again",
        ),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_notifications_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("event_id", name=op.f("uq_notifications_event_id")),
    )
    for column in ("order_id", "customer_id", "created_at", "tried_at"):
        op.create_index(op.f(f"ix_notifications_{column}"), "notifications", [column])
    op.create_index(
        "ix_notifications_to_send",
        "notifications",
        ["next_try_at"],
        sqlite_where=TO_SEND,
        postgresql_where=TO_SEND,
    )


def _create_sender() -> None:
    op.create_table(
        "notification_sender",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), comment="the process that sends"),
        sa.Column("held_until", sa.BigInteger(), comment="when another process may take over"),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="since the last success",
        ),
        sa.Column("failing_since", sa.BigInteger(), comment="first of these failures"),
        sa.Column("paused_until", sa.BigInteger(), comment="when the next connection is tried"),
        sa.Column("last_error", sa.String(), comment="of the last failure"),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.CheckConstraint("id = 1", name=op.f("ck_notification_sender_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_sender")),
    )


def downgrade() -> None:
    for table in ("notification_sender", "notifications", "notification_types", "customer_contacts"):
        op.drop_table(table)
