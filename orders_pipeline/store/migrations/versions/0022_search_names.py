"""Customers are searched by their names in small letters"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

AT_ONCE = 10_000


def upgrade() -> None:
    comment = "the name in small letters, by which customers are searched"
    op.add_column("customers", sa.Column("search_name", sa.String(), comment=comment))
    _fill()
    op.create_index(
        "ix_customers_search_name",
        "customers",
        ["search_name"],
        postgresql_ops={"search_name": "text_pattern_ops"},
    )


def _fill() -> None:
    # SQLite's lower() knows ASCII only.
    customers = sa.table("customers", sa.column("id"), sa.column("name"), sa.column("search_name"))
    named = sa.select(customers.c.id, customers.c.name).where(customers.c.name.is_not(None))
    fill = (
        sa.update(customers)
        .where(customers.c.id == sa.bindparam("customer"))
        .values(search_name=sa.bindparam("folded"))
    )
    last = ""
    while (
        rows := op.get_bind()
        .execute(named.where(customers.c.id > last).order_by(customers.c.id).limit(AT_ONCE))
        .all()
    ):
        op.get_bind().execute(fill, [{"customer": row.id, "folded": row.name.lower()} for row in rows])
        last = rows[-1].id


def downgrade() -> None:
    op.drop_index("ix_customers_search_name", "customers")
    op.drop_column("customers", "search_name")
