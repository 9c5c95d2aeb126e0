"""A restored store finds what it charged at a provider after the backup"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TOLD = "marks its payments at a provider; empty: the token does"


def upgrade() -> None:
    op.add_column("home", sa.Column("provider_tag", sa.String(), comment=TOLD))


def downgrade() -> None:
    op.drop_column("home", "provider_tag")
