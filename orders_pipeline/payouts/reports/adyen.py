"""Reads Adyen's settlement details report.

Columns and journal types are those of
https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report
https://docs.adyen.com/developers/reporting/settlement-detail-report/settlement-detail-report-structure Gross
is in the currency of the payment (GC), net and the parts of the fee are in the currency of the payout (NC).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from orders_pipeline.base.model import MovementKind
from orders_pipeline.order_files.values.zone_names import offset_seconds
from orders_pipeline.payouts.lines import ContentKeys, LineRejected, PaidIn, PayoutLine
from orders_pipeline.payouts.reports.csv_file import Row
from orders_pipeline.payouts.values import read_amount, read_currency, read_id, read_time, with_offset

NAME = "adyen"
NEEDED = ("Merchant Account", "Psp Reference", "Type", "Net Currency", "Net Debit (NC)", "Net Credit (NC)")
FEES = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
KINDS = {
    **dict.fromkeys(("Settled", "SettledReversed"), MovementKind.CHARGE),
    "Refunded": MovementKind.REFUND,
    "RefundedReversed": MovementKind.REFUND_REVERSED,
    **dict.fromkeys(("Chargeback", "SecondChargeback"), MovementKind.DISPUTE),
    "ChargebackReversed": MovementKind.DISPUTE_REVERSED,
    **dict.fromkeys(("Fee", "MiscCosts", "InvoiceDeduction", "PaymentCost"), MovementKind.FEE),
    "MerchantPayout": MovementKind.PAYOUT,
}


def recognises(header: Sequence[str]) -> bool:
    """Whether a header has the columns of a settlement details report."""
    return set(NEEDED) <= set(header)


def account_of(row: Row) -> str:
    """Returns the merchant account of a line."""
    return row.needed("Merchant Account")


def read_line(row: Row, zone: tzinfo, keys: ContentKeys) -> PayoutLine:
    """Reads a line. Lines have no id in this report.

    Raises:
        LineRejected: a value cannot be read, or the amounts do not add up.
    """
    kind = KINDS.get(row.needed("Type"), MovementKind.OTHER)
    currency = read_currency(row.needed("Net Currency"))
    net = _signed(row, "Net", "NC", currency)
    fee = sum(read_amount(row.first(name), currency, name) for name in FEES)
    amount_currency = read_currency(row.first("Gross Currency").strip() or currency)
    amount = (
        _signed(row, "Gross", "GC", amount_currency) if row.first("Gross Currency").strip() else net + fee
    )
    if amount_currency == currency and amount != net + fee:
        raise LineRejected(
            "net_disagrees", "Gross less commission, markup, scheme fees and interchange is not net."
        )
    return PayoutLine(
        line=row.line,
        key=keys.key_of(*row.cells.values()),
        kind=kind,
        payment=read_id(row.first("Psp Reference"), "Psp Reference"),
        source=read_id(row.first("Modification Reference"), "Modification Reference"),
        amount=amount,
        amount_currency=amount_currency,
        gross=net + fee,
        fee=fee,
        net=net,
        currency=currency,
        booked_at=_created(row, zone),
        paid_in=_paid_in(row, kind, zone),
    )


def _signed(row: Row, what: str, suffix: str, currency: str) -> int:
    credit, debit = (f"{what} {side} ({suffix})" for side in ("Credit", "Debit"))
    return read_amount(row.first(credit), currency, credit) - read_amount(row.first(debit), currency, debit)


def _created(row: Row, zone: tzinfo) -> int:
    name = row.first("TimeZone").strip()
    offset = offset_seconds(name, str(zone)) if name else None
    if name and offset is None:
        raise LineRejected("date_invalid", f"TimeZone {name!r} is unknown.")
    return read_time(
        row.needed("Creation Date"), zone if offset is None else with_offset(offset), "Creation Date"
    )


def _paid_in(row: Row, kind: MovementKind, zone: tzinfo) -> PaidIn | None:
    """Returns the batch.

    Adyen pays out each batch; the bank's reference is such as `TX1234567890XT batch 2`.
    """
    batch = read_id(row.first("Batch Number"), "Batch Number")
    if batch is None:
        return None
    reference = f"{account_of(row)} batch {batch}"
    if kind is not MovementKind.PAYOUT:
        return PaidIn(reference)
    own = row.first("Modification Merchant Reference").strip() or row.first("Modification Reference")
    shown = read_id(own.partition(",")[0], "Modification Merchant Reference")
    return PaidIn(reference, _created(row, zone), shown)
