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
        sa.Column("closed_as", sa.String(), nullable=True, comment="dismissed or retried"),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_as IS NULL)",
            name=op.f("ck_quarantined_files_closed_with_outcome"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_files")),
    )
    op.create_index(op.f("ix_quarantined_files_closed_at"), "quarantined_files", ["closed_at"], unique=False)
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
    op.drop_column("home", "currency")
    op.drop_column("home", "timezone")
