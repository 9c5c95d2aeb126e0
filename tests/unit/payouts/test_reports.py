"""Reports of providers: exact amounts, kinds of lines, and lines that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.model import MovementKind
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.lines import PaidIn, PayoutLine, ProviderReport
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.payouts.reports.plain import PlainProfile, read_profile
from tests.made_up.payout_files import ADYEN, STRIPE, stripe_row, write_csv

NOON = to_microseconds(datetime(2025, 11, 10, 12, tzinfo=UTC))


def report(file: Path, profile: PlainProfile | None = None) -> ProviderReport:
    content = read_file(file, ZoneInfo("Europe/Berlin"), profile).content
    assert isinstance(content, ProviderReport)
    return content


def money(line: PayoutLine) -> tuple[int, str, int, int, int, str]:
    return line.amount, line.amount_currency, line.gross, line.fee, line.net, line.currency


def test_a_line_of_stripe_has_its_ids_its_payout_and_exact_amounts(tmp_path: Path) -> None:
    paid = {"automatic_payout_id": "po_1", "automatic_payout_effective_at_utc": "2025-11-12 00:00:00"}
    ids = {"source_id": "ch_1", "payment_intent_id": "pi_1", "trace_id": "T-998877"}
    rows = [stripe_row("txn_1", "charge", "0.30", "0.10", **paid, **ids)]
    (line,) = report(write_csv(tmp_path / "r.csv", STRIPE, rows)).lines
    payout = PaidIn("po_1", to_microseconds(datetime(2025, 11, 12, tzinfo=UTC)), "T-998877")
    assert (line.key, line.kind, line.payment, line.source) == ("txn_1", MovementKind.CHARGE, "pi_1", "ch_1")
    assert (money(line), line.booked_at, line.paid_in) == ((30, "USD", 30, 10, 20, "USD"), NOON, payout)


def test_what_the_customer_paid_in_another_currency_is_never_mixed_with_the_payout(tmp_path: Path) -> None:
    facing = {"customer_facing_amount": "1000", "customer_facing_currency": "jpy"}
    rows = [stripe_row("txn_1", "refund", "-6.50", "0.00", **facing)]
    (line,) = report(write_csv(tmp_path / "r.csv", STRIPE, rows)).lines
    assert money(line) == (-1000, "JPY", -650, 0, -650, "USD")


def test_bad_lines_are_rejected_with_reasons_and_the_others_are_read(tmp_path: Path) -> None:
    rows = [
        stripe_row("txn_1", "charge", "10.00", net="9.99"),
        stripe_row("txn_2", "charge", "10.005"),
        stripe_row("txn_3", "charge", "10.00", currency="usx"),
        stripe_row("txn_4", "charge", "10.00", created_utc="yesterday"),
        stripe_row("", "charge", "10.00", created_utc="9999-12-31"),
        stripe_row("txn_6", "charge", "1e99"),
        stripe_row("txn_7", "charge", "10.00"),
        stripe_row("txn_8", "charge", "9e999999"),
    ]
    read = report(write_csv(tmp_path / "r.csv", STRIPE, rows))
    assert [one.key for one in read.lines] == ["txn_7"]
    assert [(one.line, one.code) for one in read.rejects] == [
        (2, "net_disagrees"),
        (3, "amount_invalid"),
        (4, "currency_unknown"),
        (5, "date_invalid"),
        (6, "value_missing"),
        (7, "amount_invalid"),
        (9, "amount_invalid"),
    ]


def test_a_reject_shows_its_own_line_whatever_separators_cells_contain(tmp_path: Path) -> None:
    rows = [
        stripe_row("txn_1", "charge", "10.005", trace_id="T\u2028\x85\x0b1"),
        stripe_row("txn_2", "charge", "10.005"),
    ]
    rejects = report(write_csv(tmp_path / "r.csv", STRIPE, rows)).rejects
    assert [(one.line, one.raw.split(",")[2]) for one in rejects] == [(2, "txn_1"), (3, "txn_2")]


def _written(folder: Path, *lines: str) -> Path:
    file = folder / "r.csv"
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


def test_the_export_of_stripes_dashboard_is_read_as_well(tmp_path: Path) -> None:
    head = "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Transfer,Transfer Date (UTC)"
    row = "txn_1,payout,po_1,-9.50,0.00,-9.50,usd,2025-11-10 12:00,po_1,2025-11-12 00:00"
    (line,) = report(_written(tmp_path, head, row)).lines
    assert (line.kind, line.net, line.paid_in and line.paid_in.reference) == (
        MovementKind.PAYOUT,
        -950,
        "po_1",
    )


def adyen_row(kind: str, **more: str) -> dict[str, str]:
    row = {"Company Account": "Shop", "Merchant Account": "ShopEU", "Psp Reference": "8535", "Type": kind}
    row |= {
        "Creation Date": "2025-11-10 13:00:00",
        "TimeZone": "CET",
        "Net Currency": "EUR",
        "Batch Number": "7",
    }
    return row | more


def test_a_settled_payment_of_adyen_has_all_parts_of_its_fee(tmp_path: Path) -> None:
    fees = {"Markup (NC)": "0.10", "Scheme Fees (NC)": "0.02", "Interchange (NC)": "0.08"}
    gross = {"Gross Currency": "EUR", "Gross Credit (GC)": "10.00", "Net Credit (NC)": "9.80"}
    rows = [adyen_row("Settled", **gross, **fees)]
    shown = {"Modification Merchant Reference": "TX1199913226XT batch 7, ShopEU"}
    rows.append(adyen_row("MerchantPayout", **{"Net Debit (NC)": "9.80"}, **shown))
    settled, paid_out = report(write_csv(tmp_path / "r.csv", ADYEN, rows)).lines
    assert (money(settled), settled.booked_at) == ((1000, "EUR", 1000, 20, 980, "EUR"), NOON)
    assert (paid_out.kind, paid_out.net) == (MovementKind.PAYOUT, -980)
    assert paid_out.paid_in == PaidIn("ShopEU batch 7", NOON, "TX1199913226XT batch 7")


@pytest.mark.parametrize("journal_type", ["Fee", "MiscCosts", "InvoiceDeduction", "PaymentCost"])
def test_what_adyen_charges_for_itself_is_a_fee(tmp_path: Path, journal_type: str) -> None:
    (line,) = report(
        write_csv(tmp_path / "r.csv", ADYEN, [adyen_row(journal_type, **{"Net Debit (NC)": "0.10"})])
    ).lines
    assert (line.kind, line.net) == (MovementKind.FEE, -10)


def test_two_equal_lines_without_an_id_stay_two_and_come_again_as_the_same(tmp_path: Path) -> None:
    rows = [adyen_row("Fee", **{"Net Debit (NC)": "0.10"})] * 2
    file = write_csv(tmp_path / "r.csv", ADYEN, rows)
    keys = [line.key for line in report(file).lines]
    assert len(set(keys)) == 2
    assert keys == [line.key for line in report(file).lines]


def test_a_small_profile_reads_the_csv_of_any_provider(tmp_path: Path) -> None:
    profile = tmp_path / "acme.toml"
    profile.write_text(
        'provider = "acme pay"\ndebits_positive = true\n[columns]\nkind = "Type"\n'
        'gross = "Value"\nfee = "Cost"\n'
        '[kinds]\ncharge = ["sale"]\nrefund = ["credit"]\n'
    )
    head = "Type,payment,Value,Cost,currency,date,payout"
    rows = [
        "sale,t1,10.00,0.30,EUR,2025-11-10,p1",
        "credit,t1,4.00,,EUR,2025-11-11,p1",
        "odd,t1,1,,EUR,2025-11-11,",
        "credit,t1,-1.50,,EUR,2025-11-12,p1",
    ]
    read = report(_written(tmp_path, head, *rows), read_profile(profile))
    assert [(one.kind, one.net) for one in read.lines] == [
        (MovementKind.CHARGE, 970),
        (MovementKind.REFUND, -400),
        (MovementKind.REFUND, 150),
    ]
    assert [one.code for one in read.rejects] == ["kind_unknown"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        ("Größe,Betrag\n1,2\n".encode("latin-1"), "encoding_wrong"),
        ("a,b\n1,2\n".encode("utf-16"), "encoding_wrong"),
        (b"a,b\n1,2\n", "report_unknown"),
        (b"a,a\n1,2\n", "column_ambiguous"),
        (b'a,b\n"1,2\n', "report_unreadable"),
        (",".join(STRIPE).encode() + b"\npo_1,2025-11", "file_truncated"),
    ],
)
def test_a_hostile_report_is_refused_with_its_reason(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "r.csv"
    file.write_bytes(content)
    with pytest.raises(FileRefused) as refused:
        report(file)
    assert refused.value.code == code
