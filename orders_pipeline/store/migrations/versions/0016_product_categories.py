"""Categories of products"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "products",
        sa.Column("category", sa.String(), comment="from a product list; empty if none has one"),
    )


def downgrade() -> None:
    op.drop_column("products", "category")
