"""Reads bank statements in the ISO 20022 format camt.053, versions 02 to 13.

Only a few elements are used. They have the same names in all versions, except the status of an entry: in
newer versions, it is inside an element `Cd`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, tzinfo
from xml.etree.ElementTree import Element

from orders_pipeline.base.clock import end_of_day, start_of_day
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import BankLine, BankStatement, ContentKeys, Covered, LineRejected, Reject
from orders_pipeline.payouts.references import NO_REFERENCE
from orders_pipeline.payouts.reports.report import reject
from orders_pipeline.payouts.statements.adding_up import require_adds_up
from orders_pipeline.payouts.statements.xml_tree import (
    at,
    children,
    local_name,
    namespace_of,
    parse_xml,
    text_at,
)
from orders_pipeline.payouts.values import read_amount, read_currency, read_day

NAME = "camt053"
NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(\d\d)")
OLDEST, NEWEST = 2, 13
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)
# The elements of an entry that can contain the reference of a payout, or the name of its sender.
TEXTS = (
    "EndToEndId",
    "InstrId",
    "TxId",
    "AcctSvcrRef",
    "Ustrd",
    "AddtlNtryInf",
    "AddtlTxInf",
    "Ref",
    "Nm",
)


def recognises(content: bytes) -> bool:
    """Whether a file starts like XML."""
    return content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_statement(name: str, content: bytes, zone: tzinfo) -> BankStatement:
    """Reads the statements of a file.

    Raises:
        FileRefused: the file is not camt.053 of a known version, or its balances and entries do not add up.
    """
    root = parse_xml(name, content)
    _require_version(name, root)
    lines: list[BankLine] = []
    rejects: list[Reject] = []
    accounts: list[str] = []
    covered: list[Covered] = []
    keys = ContentKeys()
    for statement in children(root[0], "Stmt"):
        account = _account(name, statement)
        accounts.append(account)
        before = len(lines)
        for number, entry in enumerate(children(statement, "Ntry"), start=len(lines) + len(rejects) + 1):
            try:
                if line := _line(entry, number, account, zone, keys):
                    lines.append(line)
            except LineRejected as rejected:
                rejects.append(reject(number, rejected, " ".join(_texts(entry))))
        _require_adds_up(name, statement)
        if days := [*_days(statement, zone), *(line.booked_at for line in lines[before:])]:
            covered.append(Covered(account, _currency(statement), min(days), max(days)))
    if not accounts:
        raise FileRefused("statement_empty", f"{name} has no statement.", "Download it from the bank again.")
    return BankStatement(accounts, covered, lines, rejects)


def _require_version(name: str, root: Element) -> None:
    found = NAMESPACE.fullmatch(namespace_of(root))
    if not found or not OLDEST <= int(found[1]) <= NEWEST or len(root) != 1:
        namespace = namespace_of(root) or "missing"
        message = f"{name} is not a bank statement in camt.053: its namespace is {namespace!r}."
        hint = f"Supported are camt.053.001.{OLDEST:02} to camt.053.001.{NEWEST}, and MT940."
        raise FileRefused("statement_unknown", message, hint)


def _account(name: str, statement: Element) -> str:
    account = text_at(statement, "Acct/Id/IBAN") or text_at(statement, "Acct/Id/Othr/Id")
    if not account:
        raise FileRefused("account_missing", f"{name} names no account.", "Download the statement again.")
    return account


def _currency(statement: Element) -> str:
    """The currency of a statement's balances; empty if it has none."""
    return next((_money(one)[0] for one in children(statement, "Bal")), "")


def _days(statement: Element, zone: tzinfo) -> Iterator[int]:
    """Yields the first and the last microsecond of the statement's period."""
    if stated := text_at(statement, "FrToDt/FrDtTm"):
        yield start_of_day(read_day(stated, "FrDtTm"), zone)
    if stated := text_at(statement, "FrToDt/ToDtTm"):
        yield end_of_day(read_day(stated, "ToDtTm"), zone)
    for balance in children(statement, "Bal"):
        if _code(balance) in CLOSING:
            yield end_of_day(_date(balance), zone)


def _line(entry: Element, number: int, account: str, zone: tzinfo, keys: ContentKeys) -> BankLine | None:
    """Returns a booked entry; None for an entry that is pending or only for information."""
    if not _is_booked(entry):
        return None
    currency, amount = _money(entry)
    day, text = _booked(entry), " ".join(_texts(entry))
    own = text_at(entry, "AcctSvcrRef")
    key = (
        f"ref:{own}" if own and own not in NO_REFERENCE else keys.key_of(account, day, amount, currency, text)
    )
    return BankLine(number, key, account, start_of_day(day, zone), amount, currency, text)


def _is_booked(entry: Element) -> bool:
    return (text_at(entry, "Sts/Cd") or text_at(entry, "Sts")) == "BOOK"


def _booked(entry: Element) -> date:
    booked = at(entry, "BookgDt")
    return _date(entry, "ValDt" if booked is None else "BookgDt")


def _date(element: Element, name: str = "") -> date:
    prefix = f"{name}/" if name else ""
    stated = (
        text_at(element, f"{prefix}Dt/Dt")
        or text_at(element, f"{prefix}Dt")
        or text_at(element, f"{prefix}DtTm")
    )
    return read_day(stated or text_at(element, f"{prefix}Dt/DtTm"), name or "Dt")


def _money(element: Element) -> tuple[str, int]:
    amount = at(element, "Amt")
    currency = read_currency(amount.get("Ccy", "") if amount is not None else "")
    value = read_amount(text_at(element, "Amt"), currency, "Amt")
    return currency, -value if text_at(element, "CdtDbtInd") == "DBIT" else value


def _code(balance: Element) -> str:
    return text_at(balance, "Tp/CdOrPrtry/Cd")


def _texts(entry: Element) -> Iterator[str]:
    for element in entry.iter():
        if local_name(element) in TEXTS and element.text and element.text.strip():
            yield element.text.strip()


def _require_adds_up(name: str, statement: Element) -> None:
    balances = {_code(one): _money(one) for one in children(statement, "Bal")}
    opening = next((balances[code] for code in OPENING if code in balances), None)
    closing = next((balances[code] for code in CLOSING if code in balances), None)
    booked = [_money(one) for one in children(statement, "Ntry") if _is_booked(one)]
    if opening and closing:
        require_adds_up(name, opening, [amount for _, amount in booked], closing)
