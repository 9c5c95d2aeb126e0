"""Saved column profiles"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "column_profiles",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("toml", sa.String(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False, comment="cli:USER, user:NAME or key:NAME"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_column_profiles")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("column_profiles")
