"""An index of refunds that failed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    failed = sa.text("status = 'failed' AND kind = 'refund'")
    op.create_index(
        "ix_refunds_failed", "refunds", ["settled_at"], sqlite_where=failed, postgresql_where=failed
    )


def downgrade() -> None:
    op.drop_index("ix_refunds_failed", "refunds")
