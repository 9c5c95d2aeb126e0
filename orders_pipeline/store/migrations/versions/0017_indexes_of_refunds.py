"""Refunds change in place: no index on their status, and free space on their pages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace("failed", "settled_at", "failure IS NOT NULL AND kind = 'refund'")
    _replace("day", "day", "day IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE refunds SET (fillfactor = 50)")


def _replace(name: str, column: str, condition: str | None) -> None:
    where = None if condition is None else sa.text(condition)
    op.drop_index(f"ix_refunds_{name}", "refunds")
    op.create_index(f"ix_refunds_{name}", "refunds", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    _replace("failed", "settled_at", "status = 'failed' AND kind = 'refund'")
    _replace("day", "day", None)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE refunds RESET (fillfactor)")
