"""Bank statements: camt.053 of all versions, MT940, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import BankStatement
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.payouts.references import reference_key, references_in
from tests.made_up.payout_files import IBAN, camt053, camt_entry

MT940 = """:20:START
:25:DE89370400440532013000
:28C:1/1
:60F:C251110EUR1000,00
:61:2511121112C97,10NTRFNONREF//BANKREF1
:86:166?00GUTSCHRIFT?20SVWZ+STRIPE PO_1ABCDE?32STRIPE PAYMENTS EUROPE
:61:2511131113RC5,00NTRFREF2
:86:M\xfcller
:62F:C251113EUR1092,10
-
"""
ENTRIES = [camt_entry("97.10", "2025-11-12", "PAYOUT po_1ABC"), camt_entry("-5.00", "2025-11-13", "FEE")]


def statement(folder: Path, content: str | bytes) -> BankStatement:
    file = folder / "statement"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    read = read_file(file, UTC, None).content
    assert isinstance(read, BankStatement)
    return read


@pytest.mark.parametrize("version", range(2, 14))
def test_statements_of_all_versions_of_camt053_are_read(tmp_path: Path, version: int) -> None:
    status = "BOOK" if version < 5 else "<Cd>BOOK</Cd>"
    entries = [one | {"status": status} for one in ENTRIES]
    read = statement(tmp_path, camt053(entries, "2025-11-12", "2025-11-13", version=version))
    assert [(line.amount, line.currency) for line in read.lines] == [(9710, "USD"), (-500, "USD")]
    assert read.accounts == [IBAN]
    assert reference_key("po_1ABC") in references_in(read.lines[0].text)


def test_entries_that_are_not_booked_yet_are_left_out(tmp_path: Path) -> None:
    pending = camt_entry("9.00", "2025-11-13", status="PDNG", signed="0")
    content = camt053([*ENTRIES, pending], "2025-11-12", "2025-11-13")
    assert len(statement(tmp_path, content).lines) == 2


def test_mt940_is_read_with_reversals_and_in_any_encoding(tmp_path: Path) -> None:
    read = statement(tmp_path, MT940.encode("latin-1"))
    assert [(line.amount, line.currency) for line in read.lines] == [(9710, "EUR"), (-500, "EUR")]
    assert reference_key("po_1ABCDE") in references_in(read.lines[0].text)


DOCTYPE = '<?xml version="1.0"?><!DOCTYPE Document [{}]><Document>&a;</Document>'
XXE = DOCTYPE.format('<!ENTITY a SYSTEM "file:///etc/passwd">')
LAUGHS = DOCTYPE.format('<!ENTITY b "ha"><!ENTITY a "&b;&b;&b;&b;&b;&b;&b;&b;">')
WHOLE = camt053(ENTRIES, "2025-11-12", "2025-11-13")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (XXE, "xml_not_safe"),
        (LAUGHS, "xml_not_safe"),
        (WHOLE[: len(WHOLE) // 2], "xml_damaged"),
        (WHOLE.encode("utf-16")[:-1], "encoding_wrong"),
        (WHOLE.replace("UTF-8", "UTF-7"), "encoding_wrong"),
        (WHOLE.replace("camt.053", "camt.052"), "statement_unknown"),
        (WHOLE.replace("001.08", "001.99"), "statement_unknown"),
        (WHOLE.replace("<IBAN>" + IBAN + "</IBAN>", ""), "account_missing"),
        (WHOLE.replace("97.10", "97.11", 1), "statement_incomplete"),
        (re.sub("<Stmt>.*</Stmt>", "", WHOLE, flags=re.DOTALL), "statement_empty"),
        (WHOLE.replace('Ccy="USD">100.00', 'Ccy="USX">100.00'), "statement_damaged"),
        (MT940.replace("GUTSCHRIFT", "\0").encode("latin-1"), "encoding_wrong"),
        (MT940.partition(":62F:")[0], "file_truncated"),
        (MT940.replace("97,10", "97,11"), "statement_incomplete"),
        (MT940.replace("251112", "259912"), "statement_damaged"),
    ],
)
def test_a_hostile_statement_is_refused_with_its_reason(
    tmp_path: Path, content: str | bytes, code: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        statement(tmp_path, content)
    assert refused.value.code == code
