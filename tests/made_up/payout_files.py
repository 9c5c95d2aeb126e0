"""Reports of payment providers and bank statements, in the shapes of their documentation."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

STRIPE = (
    *("automatic_payout_id", "automatic_payout_effective_at_utc", "balance_transaction_id"),
    *("created_utc", "currency", "gross"),
    *("fee", "net", "reporting_category"),
    *("source_id", "payment_intent_id", "customer_facing_amount"),
    *("customer_facing_currency", "trace_id"),
)
ADYEN = (
    *("Company Account", "Merchant Account", "Psp Reference", "Merchant Reference"),
    *("Payment Method", "Creation Date", "TimeZone", "Type"),
    *("Modification Reference", "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)"),
    *("Exchange Rate", "Net Currency", "Net Debit (NC)", "Net Credit (NC)"),
    *("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)"),
    *("Payment Method Variant", "Modification Merchant Reference", "Batch Number"),
)
IBAN = "DE89370400440532013000"
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02}"><BkToCstmrStmt>
<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>1</Id>
<FrToDt><FrDtTm>{first}T00:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm></FrToDt>
<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">100.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>{first}</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{closing}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>{last}</Dt></Dt></Bal>
{entries}
</Stmt></BkToCstmrStmt></Document>
"""
ENTRY = """<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef><NtryDtls><TxDtls>
<RltdPties><Dbtr><Nm>{name}</Nm></Dbtr></RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def stripe_row(key: str, category: str, gross: str, fee: str = "0.00", **more: str) -> dict[str, str]:
    """A line of Stripe's payout reconciliation report; `more` has other columns."""
    net = str(Decimal(gross) - Decimal(fee))
    row = {
        "balance_transaction_id": key,
        "reporting_category": category,
        "gross": gross,
        "fee": fee,
        "net": net,
    }
    return row | {"created_utc": "2025-11-10 12:00:00", "currency": "usd"} | more


def write_csv(file: Path, header: Iterable[str], rows: Iterable[Mapping[str, str]]) -> Path:
    """Writes rows, each of which has some of the columns."""
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(header), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


def camt_entry(amount: str, day: str, text: str = "", **more: Any) -> dict[str, Any]:
    """An entry of a statement; a negative amount is a debit."""
    side = "DBIT" if amount.startswith("-") else "CRDT"
    entry = {"amount": amount.removeprefix("-"), "signed": amount, "side": side, "day": day, "text": text}
    entry |= {"currency": "USD", "status": "<Cd>BOOK</Cd>", "ref": "", "name": "STRIPE"}
    return entry | more


def camt053(entries: Iterable[Mapping[str, Any]], first: str, last: str, **more: Any) -> str:
    """A statement whose entries lead from the opening to the closing balance."""
    listed = list(entries)
    closing = Decimal("100.00") + sum((Decimal(one["signed"]) for one in listed), Decimal(0))
    head = {"version": 8, "iban": IBAN, "currency": "USD", "closing": closing, "first": first, "last": last}
    return CAMT.format(entries="\n".join(ENTRY.format(**one) for one in listed), **(head | more))
