"""The migrations with one more revision, which a test makes up."""

from __future__ import annotations

import shutil
from pathlib import Path

from orders_pipeline.store.revisions import OURS, Migrations

NEXT = f"{int(OURS.head) + 1:04}"
SCRIPT = """
import os
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None


def upgrade():
{body}
"""
# `order_lines` and `product_totals` refer to this table.
REBUILD = """
    rebuilt = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("products", recreate=rebuilt) as products:
        products.add_column(sa.Column("weight", sa.BigInteger(), nullable=False, server_default="7"))
        products.create_check_constraint(op.f("ck_products_weight"), "weight >= 0")
"""


def one_more(folder: Path, body: str = REBUILD) -> Migrations:
    """The project's migrations and, after them, one whose `upgrade` has this body."""
    copy = folder / "migrations"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(OURS.folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    script = SCRIPT.format(revision=NEXT, before=OURS.head, body=body)
    (copy / "versions" / f"{NEXT}_made_up.py").write_text(script)
    return Migrations(copy, NEXT)
