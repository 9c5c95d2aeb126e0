"""Payments that are authorized first and captured later"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger()


class Check(NamedTuple):
    """A check of a table that changes."""

    table: str
    name: str
    old: str
    new: str


CHECKS = (
    Check(
        "orders",
        "status",
        "status IN ('pending', 'reserved', 'payment_processing', 'completed', 'rollback', 'failed')",
        "status IN ('pending', 'reserved', 'payment_processing', 'authorized', 'completed', 'rollback', 'failed')",
    ),
    Check(
        "payments",
        "status",
        "status IN ('processing', 'succeeded', 'declined')",
        "status IN ('processing', 'succeeded', 'declined', 'authorized', 'capture_declined', 'voided')",
    ),
    Check(
        "payments",
        "transaction_when_succeeded",
        "(status = 'succeeded') = (transaction_id IS NOT NULL)",
        "(status NOT IN ('processing', 'declined')) = (transaction_id IS NOT NULL)",
    ),
    Check(
        "payments",
        "reason_when_declined",
        "(status = 'declined') = (decline_reason IS NOT NULL)",
        "(status IN ('declined', 'capture_declined')) = (decline_reason IS NOT NULL)",
    ),
)


def upgrade() -> None:
    for table, name, old, new in CHECKS:
        _change(Check(table, name, old, new))
    _require_whole_tables()
    # Written out, because SQLite adds a column with its check only in this form.
    op.execute(
        "ALTER TABLE batches ADD COLUMN authorized BIGINT DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_batches_authorized_not_negative CHECK (authorized >= 0)"
    )
    op.create_table(
        "authorizations",
        sa.Column("order_id", ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("authorized_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), comment="what was asked for: capture or void"),
        sa.Column("wanted_at", sa.BigInteger()),
        sa.Column("wanted_by", sa.String()),
        sa.Column("reason", sa.String(), comment="of a void: why the order ends"),
        sa.Column("detail", sa.String(), comment="of a void: the same in words"),
        sa.Column("round", sa.Integer(), nullable=False, comment="1, and one more for each void that failed"),
        sa.Column(
            "tries", sa.Integer(), nullable=False, comment="times that the gateway was asked in this round"
        ),
        sa.Column("asked_at", sa.BigInteger(), comment="when the gateway was last asked"),
        sa.Column("settled_at", sa.BigInteger(), comment="when it ended"),
        sa.Column("transaction_id", sa.String(), comment="of the capture or void at the gateway"),
        sa.Column("failure", sa.String(), comment="why the capture was declined, or the last void failed"),
        sa.Column(
            "boards_due",
            sa.Boolean(),
            nullable=False,
            comment="whether leaderboards do not show the captured order yet",
        ),
        sa.CheckConstraint(
            "status IN ('open', 'pending', 'processing', 'captured', 'voided', 'declined')",
            name=op.f("ck_authorizations_status"),
        ),
        sa.CheckConstraint("wanted IN ('capture', 'void')", name=op.f("ck_authorizations_wanted")),
        sa.CheckConstraint(
            "(status = 'open') = (wanted IS NULL)", name=op.f("ck_authorizations_wanted_when_not_open")
        ),
        sa.CheckConstraint(
            "(status IN ('captured', 'voided', 'declined')) = (settled_at IS NOT NULL)",
            name=op.f("ck_authorizations_settled_when_ended"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "attempt"],
            ["payments.order_id", "payments.attempt"],
            name=op.f("fk_authorizations_order_id_attempt"),
        ),
        sa.PrimaryKeyConstraint("order_id", "attempt", name=op.f("pk_authorizations")),
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )
    not_settled, due = sa.text("settled_at IS NULL"), sa.text("boards_due")
    op.create_index(
        "ix_authorizations_open",
        "authorizations",
        ["authorized_at"],
        sqlite_where=not_settled,
        postgresql_where=not_settled,
    )
    op.create_index(
        "ix_authorizations_boards_due",
        "authorizations",
        ["order_id"],
        sqlite_where=due,
        postgresql_where=due,
    )


def downgrade() -> None:
    op.drop_table("authorizations")
    op.execute("ALTER TABLE batches DROP COLUMN authorized")
    for table, name, old, new in CHECKS:
        _change(Check(table, name, new, old))


def _change(check: Check) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _change_text(check)
        return
    name = f"ck_{check.table}_{check.name}"
    op.execute(f"ALTER TABLE {check.table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({check.new})")


def _change_text(check: Check) -> None:
    """Changes a check in the text of its table, so that SQLite need not write all rows again.

    https://www.sqlite.org/lang_altertable.html, section 7, describes this way.
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ? AND instr(sql, ?)",
        (f"CHECK ({check.old})", f"CHECK ({check.new})", check.table, f"CHECK ({check.old})"),
    ).rowcount
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if changed != 1:
        raise RuntimeError(f"the table {check.table} has no check {check.name} as it is known")


def _require_whole_tables() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    for table in sorted({check.table for check in CHECKS}):
        found = connection.exec_driver_sql(f"PRAGMA integrity_check('{table}')").scalars().all()
        if found != ["ok"]:
            raise RuntimeError(f"the table {table} is damaged: {found[0]}")
