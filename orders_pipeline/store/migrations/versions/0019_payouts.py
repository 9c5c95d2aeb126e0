"""Payouts of providers, and what of them reached the bank"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = "'charge', 'refund', 'refund_reversed', 'dispute', 'dispute_reversed', 'fee', 'payout', 'other'"


def upgrade() -> None:
    _create_files()
    _create_payouts()
    _create_bank_lines()


def _create_files() -> None:
    op.create_table(
        "settlement_files",
        sa.Column("id", ID, nullable=False),
        sa.Column("format", sa.String(), nullable=False, comment="stripe, adyen, plain, camt053 or mt940"),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), comment="whose report it is; empty for a bank statement"),
        sa.Column(
            "account",
            sa.String(),
            nullable=False,
            comment="at the provider or bank; empty if the file has none",
        ),
        sa.Column("first_at", sa.BigInteger(), comment="of its lines, or the first day of a statement"),
        sa.Column("last_at", sa.BigInteger()),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
            for name in ("records", "accepted", "duplicates", "unrelated", "rejected")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_files")),
        sa.UniqueConstraint("file_sha256", name=op.f("uq_settlement_files_file_sha256")),
    )
    op.create_table(
        "settlement_rejects",
        sa.Column("file_id", ID, nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["settlement_files.id"], name=op.f("fk_settlement_rejects_file_id")
        ),
        sa.PrimaryKeyConstraint("file_id", "line", name=op.f("pk_settlement_rejects")),
        sqlite_with_rowid=False,
    )


def _create_payouts() -> None:
    op.create_table(
        "payouts",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False, comment="as the provider names it"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), comment="when the provider sent it"),
        sa.Column("reference_key", sa.String(), nullable=False),
        sa.Column("bank_reference_key", sa.String(), comment="that the bank shows, if the provider tells it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint(
            "provider",
            "account",
            "reference",
            "currency",
            name=op.f("uq_payouts_provider_account_reference_currency"),
        ),
    )
    op.create_index(op.f("ix_payouts_paid_at"), "payouts", ["paid_at"])
    op.create_table(
        "payout_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("file_id", ID, nullable=False),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column(
            "line_key", sa.String(), nullable=False, comment="id at the provider, or a digest of the line"
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payment_ref", sa.String(), comment="the charge, as the provider names it"),
        sa.Column(
            "source_ref", sa.String(), comment="the refund, dispute or capture, as the provider names it"
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="in the currency of the order"),
        sa.Column("amount_currency", sa.String(3), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False, comment="in the currency of the payout"),
        sa.Column("fee", sa.BigInteger(), nullable=False, comment="that the provider kept"),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column("payout_id", ID),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_payout_lines_kind")),
        sa.CheckConstraint("gross - fee = net", name=op.f("ck_payout_lines_net_is_gross_less_fee")),
        sa.ForeignKeyConstraint(["file_id"], ["settlement_files.id"], name=op.f("fk_payout_lines_file_id")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_lines_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_lines")),
        sa.UniqueConstraint(
            "provider", "account", "line_key", name=op.f("uq_payout_lines_provider_account_line_key")
        ),
    )
    for column in ("file_id", "payout_id", "payment_ref", "source_ref", "booked_at"):
        op.create_index(op.f(f"ix_payout_lines_{column}"), "payout_lines", [column])


def _create_bank_lines() -> None:
    op.create_table(
        "bank_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("file_id", ID, nullable=False),
        sa.Column("file_line", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("line_key", sa.String(), nullable=False, comment="id at the bank, or a digest of the line"),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "amount",
            sa.BigInteger(),
            nullable=False,
            comment="in minor units; negative if money left the bank",
        ),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("sender", sa.String(), comment="the provider that the text names"),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["settlement_files.id"], name=op.f("fk_bank_lines_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_lines")),
        sa.UniqueConstraint("account", "line_key", name=op.f("uq_bank_lines_account_line_key")),
    )
    for column in ("file_id", "booked_at"):
        op.create_index(op.f(f"ix_bank_lines_{column}"), "bank_lines", [column])
    op.create_table(
        "bank_references",
        sa.Column("bank_line_id", ID, nullable=False),
        sa.Column("reference", sa.String(), nullable=False, comment="capital letters and digits only"),
        sa.ForeignKeyConstraint(
            ["bank_line_id"], ["bank_lines.id"], name=op.f("fk_bank_references_bank_line_id")
        ),
        sa.PrimaryKeyConstraint("bank_line_id", "reference", name=op.f("pk_bank_references")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_bank_references_reference"), "bank_references", ["reference"])


def downgrade() -> None:
    for table in (
        "bank_references",
        "bank_lines",
        "payout_lines",
        "payouts",
        "settlement_rejects",
        "settlement_files",
    ):
        op.drop_table(table)
