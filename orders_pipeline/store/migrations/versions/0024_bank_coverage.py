"""A payout is missing only if the statements of its account were imported"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bank_coverage",
        sa.Column("file_id", ID, nullable=False),
        sa.Column(
            "place", sa.Integer(), autoincrement=False, nullable=False, comment="of the statement in its file"
        ),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False, comment="empty if the statement names none"),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "place", name="pk_bank_coverage"),
        sa.ForeignKeyConstraint(["file_id"], ["settlement_files.id"], name="fk_bank_coverage_file_id"),
        sqlite_with_rowid=False,
    )
    _fill()


def _fill() -> None:
    """Until now, a file had one range for all of its accounts."""
    columns = ("id", "account", "provider", "first_at", "last_at")
    files = sa.table("settlement_files", *map(sa.column, columns))
    coverage = sa.table(
        "bank_coverage",
        *map(sa.column, ("file_id", "place", "account", "currency", "first_at", "last_at")),
    )
    statements = sa.select(files).where(files.c.provider.is_(None), files.c.first_at.is_not(None))
    rows = [
        {
            **{"file_id": row.id, "place": place, "account": account, "currency": ""},
            **{"first_at": row.first_at, "last_at": row.last_at},
        }
        for row in op.get_bind().execute(statements).all()
        for place, account in enumerate(row.account.split(", "))
    ]
    if rows:
        op.get_bind().execute(sa.insert(coverage), rows)


def downgrade() -> None:
    op.drop_table("bank_coverage")
