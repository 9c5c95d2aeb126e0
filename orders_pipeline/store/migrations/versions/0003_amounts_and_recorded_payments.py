"""Amounts, payments made elsewhere, quantities in 1/1,000, tries at parsing, and what verify compares"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UNITS = {
    "products": ("initial_stock", "restocked", "on_hand", "reserved", "sold"),
    "product_totals": ("units",),
    "order_lines": ("quantity",),
}
_COUNT: dict[str, Any] = {"type_": sa.BigInteger(), "server_default": sa.text("0"), "nullable": False}
KINDS = "'discount', 'shipping', 'tax', 'fee', 'tip', 'unexplained', 'rounding', 'tax_included'"


def upgrade() -> None:
    # Written out, because SQLite adds a column with its check only in this form.
    op.execute(
        "ALTER TABLE order_lines ADD COLUMN discount BIGINT DEFAULT 0 NOT NULL"
        " CONSTRAINT ck_order_lines_discount_not_negative CHECK (discount >= 0)"
    )
    op.execute(
        "ALTER TABLE payments ADD COLUMN method VARCHAR DEFAULT 'gateway' NOT NULL"
        " CONSTRAINT ck_payments_method CHECK (method IN ('gateway', 'recorded'))"
    )
    op.create_table(
        "order_amounts",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="in 1/10,000 of the currency"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_order_amounts_kind")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_amounts_order_id")),
        sa.PrimaryKeyConstraint("order_id", "kind", name=op.f("pk_order_amounts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recorded_payments",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False, comment="in the currency's minor unit"),
        sa.Column("reference", sa.String(), nullable=False),
        sa.CheckConstraint("paid >= 0", name=op.f("ck_recorded_payments_paid_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_recorded_payments_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_recorded_payments")),
        sqlite_with_rowid=False,
    )
    op.add_column(
        "imports",
        sa.Column(
            "tries",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of parsing, since it ended well",
        ),
    )
    op.create_index(op.f("ix_imports_status"), "imports", ["status"])
    _change_units(lambda units: units * 1000)
    _add_what_verify_compares()


def _add_what_verify_compares() -> None:
    op.create_table(
        "stock_receipts",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 ... of its product"),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_stock_receipts_units_positive")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_stock_receipts_product_id")),
        sa.PrimaryKeyConstraint("product_id", "number", name=op.f("pk_stock_receipts")),
        sqlite_with_rowid=False,
    )
    op.add_column("home", sa.Column("actions_recorded", **_COUNT))
    op.add_column("batches", sa.Column("checksum", **_COUNT, comment="see imports/checksum.py"))
    receipts = (
        "INSERT INTO stock_receipts (product_id, number, units, received_at)"
        " SELECT id, 1, initial_stock + restocked, :now FROM products WHERE initial_stock + restocked > 0"
    )
    op.execute(sa.text(receipts).bindparams(now=time.time_ns() // 1000))
    op.execute("UPDATE home SET actions_recorded = (SELECT COUNT(*) FROM operator_actions)")
    op.execute(
        "UPDATE batches SET checksum = COALESCE((SELECT SUM("
        " ((order_id * 31 + line) % 65521 + 1)"
        " * (product_id % 65521 * 7 + quantity % 65521 * 11 + total % 65521 * 13))"
        " FROM order_lines WHERE order_id BETWEEN first_order_id AND first_order_id + orders - 1), 0)"
    )


def downgrade() -> None:
    _change_units(lambda units: units // 1000)
    op.drop_table("stock_receipts")
    op.execute("ALTER TABLE home DROP COLUMN actions_recorded")
    op.execute("ALTER TABLE batches DROP COLUMN checksum")
    op.drop_index(op.f("ix_imports_status"), "imports")
    op.execute("ALTER TABLE imports DROP COLUMN tries")
    op.drop_table("recorded_payments")
    op.drop_table("order_amounts")
    op.execute("ALTER TABLE payments DROP COLUMN method")
    op.execute("ALTER TABLE order_lines DROP COLUMN discount")


def _change_units(change: Callable[[sa.ColumnElement[int]], sa.ColumnElement[int]]) -> None:
    """Changes the unit in which quantities and stock are counted."""
    for table, names in UNITS.items():
        columns = [sa.column(name, sa.BigInteger()) for name in names]
        changed = {column: change(column) for column in columns}
        op.execute(sa.update(sa.table(table, *columns)).values(changed))
