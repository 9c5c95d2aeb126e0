"""Results in the outbox"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "result_files",
        sa.Column("import_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "digest",
            sa.String(64),
            comment="SHA-256 of the results; empty if none could be written yet",
        ),
        sa.Column("settled_at", sa.BigInteger(), comment="of the import, when they were read"),
        sa.Column("written", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error", sa.String(), comment="why the outbox failed"),
        sa.Column("failed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_result_files_import_id")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_result_files")),
    )
    op.create_table(
        "result_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_changes")),
    )
    op.create_index(op.f("ix_result_changes_import_id"), "result_changes", ["import_id"])


def downgrade() -> None:
    for table in ("result_changes", "result_files"):
        op.drop_table(table)
