"""Reads bank statements in SWIFT's format MT940 with the library mt-940."""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Any

import mt940 as library
from mt940.models import Transaction, Transactions

from orders_pipeline.base.clock import end_of_day, start_of_day
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import BankLine, BankStatement, ContentKeys, Covered, LineRejected, Reject
from orders_pipeline.payouts.references import NO_REFERENCE
from orders_pipeline.payouts.reports.report import reject
from orders_pipeline.payouts.statements.adding_up import require_adds_up
from orders_pipeline.payouts.values import read_amount, read_currency

NAME = "mt940"
HINT = "Download the statement from the bank again."
OPENING = ("final_opening_balance", "intermediate_opening_balance")
CLOSING = ("final_closing_balance", "intermediate_closing_balance")


def recognises(text: str) -> bool:
    """Whether a text is an MT940 statement."""
    return ":20:" in text and ":25" in text and ":60" in text


def read_statement(name: str, text: str, zone: tzinfo) -> BankStatement:
    """Reads the statements of a file.

    Raises:
        FileRefused: the file is damaged or incomplete, or its balances and entries do not add up.
    """
    try:
        statements = library.parser.parse_statements(text, options=library.Options.all())
    except (ValueError, ArithmeticError, RuntimeError, KeyError, TypeError) as error:
        raise FileRefused("statement_damaged", f"{name} is not a valid MT940 file: {error}.", HINT) from None
    lines: list[BankLine] = []
    rejects: list[Reject] = []
    accounts: list[str] = []
    covered: list[Covered] = []
    keys = ContentKeys()
    for statement in statements:
        account, opening, closing = _head(name, statement)
        accounts.append(account)
        days = start_of_day(_day(opening), zone), end_of_day(_day(closing), zone)
        covered.append(Covered(account, _money(closing)[0], *days))
        read = []
        for number, entry in enumerate(statement, start=len(lines) + len(rejects) + 1):
            try:
                read.append(_line(entry, number, account, zone, keys))
            except LineRejected as rejected:
                rejects.append(reject(number, rejected, str(entry.data.get("transaction_details") or "")))
        if not rejects:
            require_adds_up(name, _money(opening), [line.amount for line in read], _money(closing))
        lines += read
    if not accounts:
        raise FileRefused("statement_empty", f"{name} has no statement.", HINT)
    return BankStatement(accounts, covered, lines, rejects)


def _head(name: str, statement: Transactions) -> tuple[str, Any, Any]:
    data = statement.data
    opening = next((data[one] for one in OPENING if one in data), None)
    closing = next((data[one] for one in CLOSING if one in data), None)
    account = str(data.get("account_identification") or "")
    if not account or opening is None:
        raise FileRefused("statement_damaged", f"{name} has a statement without account or balance.", HINT)
    if closing is None:
        message = f"{name} ends before the closing balance of {account}."
        raise FileRefused("file_truncated", message, HINT)
    return account, opening, closing


def _line(entry: Transaction, number: int, account: str, zone: tzinfo, keys: ContentKeys) -> BankLine:
    data = entry.data
    currency, amount = _money(data)
    day = data.get("entry_date") or data["date"]
    # The booking date has no year in this format; the library derives the year from the value date.
    day = date(day.year, day.month, day.day)
    words = [
        str(value) for name, value in data.items() if value and name in _TEXTS and value not in NO_REFERENCE
    ]
    text = " ".join(" ".join(words).split())
    key = keys.key_of(account, day, amount, currency, text)
    return BankLine(number, key, account, start_of_day(day, zone), amount, currency, text)


_TEXTS = (
    "customer_reference",
    "bank_reference",
    "extra_details",
    "transaction_details",
    "purpose",
    "additional_purpose",
    "end_to_end_reference",
    "applicant_name",
    "recipient_name",
    "deviate_applicant",
)


def _money(data: Any) -> tuple[str, int]:
    amount = data["amount"] if isinstance(data, dict) else data.amount
    currency = read_currency(str(amount.currency))
    return currency, read_amount(str(amount.amount), currency, ":61:")


def _day(balance: Any) -> date:
    return date(balance.date.year, balance.date.month, balance.date.day)
