"""How far the payment provider's own list of events has been read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "events_read_until", sa.BigInteger, comment="up to when the provider's list of events was read"
    )
    op.add_column("home", column)


def downgrade() -> None:
    op.drop_column("home", "events_read_until")
