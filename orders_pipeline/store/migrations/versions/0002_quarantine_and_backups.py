"""Quarantined files and backups as rows; the store's time zone and currency"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LINE_COUNTS = ("left_out_lines", "repeated_lines")


def upgrade() -> None:
    op.add_column(
        "home",
        sa.Column(
            "timezone",
            sa.String(),
            nullable=True,
            comment="in which the days of the stored orders are; empty before the first order",
        ),
    )
    op.add_column(
        "home",
        sa.Column(
            "currency",
            sa.String(length=3),
            nullable=True,
            comment="of files without a currency column; empty before the first order",
        ),
    )
    for name in LINE_COUNTS:
        column = sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        op.add_column("imports", column)
    op.add_column(
        "imports",
        sa.Column(
            "dropped_at",
            sa.BigInteger(),
            nullable=True,
            comment="ns; of its file in the inbox, until it has a run",
        ),
    )
    op.add_column(
        "imports",
        sa.Column(
            "dismissed_at",
            sa.BigInteger(),
            nullable=True,
            comment="when somebody set its refusal aside",
        ),
    )
    to_launch = sa.text("dropped_at IS NOT NULL")
    op.create_index(
        "ix_imports_to_launch",
        "imports",
        ["id"],
        unique=False,
        sqlite_where=to_launch,
        postgresql_where=to_launch,
    )
    op.create_table(
        "quarantined_files",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "file_name",
            sa.String(),
            nullable=False,
            comment="as dropped; what is no readable text is escaped",
        ),
        sa.Column("kept_as", sa.String(), nullable=False, comment="its name in the folder quarantine"),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("quarantined_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_as", sa.String(), nullable=True, comment="dismissed, retried or removed"),
        sa.Column("partition_key", sa.String(), nullable=True, comment="of the import that it became"),
        sa.Column(
            "retry_asked_at",
            sa.BigInteger(),
            nullable=True,
            comment="until the inbox has tried it again",
        ),
        sa.Column("retry_as", sa.JSON(), nullable=True, comment="how it is read then, by option"),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_as IS NULL)",
            name=op.f("ck_quarantined_files_closed_with_outcome"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_files")),
    )
    not_closed = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_quarantined_files_open",
        "quarantined_files",
        ["kept_as"],
        unique=True,
        sqlite_where=not_closed,
        postgresql_where=not_closed,
    )
    op.create_table(
        "backups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "ended_at", sa.BigInteger(), nullable=True, comment="empty while it runs, and when it was killed"
        ),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True, comment="why it failed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
    op.create_index(op.f("ix_backups_started_at"), "backups", ["started_at"], unique=False)


def downgrade() -> None:
    op.drop_table("backups")
    op.drop_table("quarantined_files")
    for name in reversed(LINE_COUNTS):
        op.drop_column("imports", name)
    op.drop_index("ix_imports_to_launch", table_name="imports")
    op.drop_column("imports", "dismissed_at")
    op.drop_column("imports", "dropped_at")
    op.drop_column("home", "currency")
    op.drop_column("home", "timezone")
