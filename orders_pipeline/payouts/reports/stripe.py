"""Reads itemised reports of Stripe: balance transactions, payout reconciliation, and payouts.

Columns are those of `balance_change_from_activity.itemized.3`, `payouts.itemized.3`
(https://docs.stripe.com/reports/balance) and `payout_reconciliation.itemized.5`
(https://docs.stripe.com/reports/payout-reconciliation), categories those of
https://docs.stripe.com/reports/reporting-categories. The other columns are those of exports of Stripe's
Dashboard. Amounts are in major units, fees positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from orders_pipeline.base.model import MovementKind
from orders_pipeline.payouts.lines import LineRejected, PaidIn, PayoutLine
from orders_pipeline.payouts.reports.csv_file import Row
from orders_pipeline.payouts.values import read_amount, read_currency, read_id, read_time

NAME = "stripe"
ID = ("balance_transaction_id", "id")
CATEGORY = ("reporting_category", "Type")
GROSS, FEE, NET, CURRENCY = ("gross", "Amount"), ("fee", "Fee"), ("net", "Net"), ("currency", "Currency")
SOURCE = ("source_id", "Source", "payout_id")
PAYOUT = ("automatic_payout_id", "payout_id", "Transfer")
# The column in UTC, then the one in the time zone of the report.
BOOKED_UTC, BOOKED = ("created_utc", "effective_at_utc", "Created (UTC)"), ("created", "effective_at")
PAID_UTC = ("automatic_payout_effective_at_utc", "effective_at_utc", "Transfer Date (UTC)")
PAID = ("automatic_payout_effective_at", "effective_at")
FACING, FACING_CURRENCY = (
    ("customer_facing_amount", "Customer Facing Amount"),
    ("customer_facing_currency", "Customer Facing Currency"),
)
KINDS = {
    **dict.fromkeys(("charge", "payment"), MovementKind.CHARGE),
    # A charge that failed later is booked again with a negative amount.
    **dict.fromkeys(
        ("charge_failure", "payment_failure_refund", "partial_capture_reversal"), MovementKind.CHARGE
    ),
    **dict.fromkeys(("refund", "payment_refund"), MovementKind.REFUND),
    "refund_failure": MovementKind.REFUND_REVERSED,
    "dispute": MovementKind.DISPUTE,
    "dispute_reversal": MovementKind.DISPUTE_REVERSED,
    **dict.fromkeys(("fee", "stripe_fee", "network_cost", "tax_fee"), MovementKind.FEE),
    **dict.fromkeys(("payout", "payout_reversal", "payout_failure", "payout_cancel"), MovementKind.PAYOUT),
}


def recognises(header: Sequence[str]) -> bool:
    """Whether a header has the columns of a report of Stripe."""
    return all(set(names) & set(header) for names in (ID, CATEGORY, GROSS, FEE, NET, CURRENCY))


def account_of(_row: Row) -> str:
    """Returns the account of a line: always empty, because reports of Stripe contain none."""
    return ""


def read_line(row: Row, zone: tzinfo) -> PayoutLine:
    """Reads a line.

    Raises:
        LineRejected: a value cannot be read, or the amounts do not add up.
    """
    kind = KINDS.get(row.needed(*CATEGORY).lower(), MovementKind.OTHER)
    currency = read_currency(row.needed(*CURRENCY))
    gross, fee, net = (read_amount(row.needed(*name), currency, name[0]) for name in (GROSS, FEE, NET))
    if gross - fee != net:
        raise LineRejected("net_disagrees", "gross less fee is not net.")
    amount, amount_currency = _charged(row, gross, currency)
    source, paid_in = read_id(row.first(*SOURCE), SOURCE[0]), _paid_in(row, kind, zone)
    if kind is MovementKind.PAYOUT and paid_in and source not in (None, paid_in.reference):
        # An earlier payout came back, and its amount is part of this one.
        kind = MovementKind.OTHER
    return PayoutLine(
        line=row.line,
        key=read_id(row.needed(*ID), ID[0]) or "",
        kind=kind,
        payment=read_id(
            row.first("payment_intent_id").strip() or row.first("charge_id"), "payment_intent_id"
        ),
        source=source,
        amount=amount,
        amount_currency=amount_currency,
        gross=gross,
        fee=fee,
        net=net,
        currency=currency,
        booked_at=_time(row, BOOKED_UTC, BOOKED, zone),
        paid_in=paid_in,
    )


def _charged(row: Row, gross: int, currency: str) -> tuple[int, str]:
    """Returns the amount charged or refunded, in the customer's currency, which only this column contains."""
    stated = row.first(*FACING_CURRENCY).strip()
    if not stated or read_currency(stated) == currency:
        return gross, currency
    facing = read_currency(stated)
    amount = abs(read_amount(row.needed(*FACING), facing, FACING[0]))
    return (amount if gross >= 0 else -amount), facing


def _paid_in(row: Row, kind: MovementKind, zone: tzinfo) -> PaidIn | None:
    payout = row.first(*PAYOUT).strip() or (row.first(*SOURCE) if kind is MovementKind.PAYOUT else "")
    reference = read_id(payout, PAYOUT[0])
    if reference is None:
        return None
    known = any(row.first(name).strip() for name in (*PAID_UTC, *PAID))
    paid_at = _time(row, PAID_UTC, PAID, zone) if known else None
    if paid_at is None and kind is MovementKind.PAYOUT:
        paid_at = _time(row, BOOKED_UTC, BOOKED, zone)
    return PaidIn(reference, paid_at, read_id(row.first("trace_id"), "trace_id"))


def _time(row: Row, utc: Sequence[str], local: Sequence[str], zone: tzinfo) -> int:
    if stated := row.first(*utc).strip():
        return read_time(stated, UTC, utc[0])
    return read_time(row.needed(*local), zone, local[0])
