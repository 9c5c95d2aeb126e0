"""Every payment, refund, dispute, payout and bank line is classified, and none is matched wrongly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.made_up_payouts import make_up
from orders_pipeline.payouts.daily import payout_figures
from orders_pipeline.payouts.documents import reconciliation_document
from orders_pipeline.payouts.importing import import_file
from orders_pipeline.payouts.periods import Period
from orders_pipeline.payouts.reading import PayoutFile, read_file
from orders_pipeline.payouts.reconciling import Reconciliation, reconcile
from orders_pipeline.payouts.reports.plain import read_profile
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench
from tests.made_up.builders import StoredOrder, store_orders
from tests.made_up.payout_files import STRIPE, camt053, camt_entry, stripe_row, write_csv

ALL = Period(None, None, UTC, 7)


def take(bench: ImportBench, *files: Path) -> None:
    for file in files:
        import_file(bench.engine, read_file(file, UTC, None), "test")


def reconciled(bench: ImportBench, period: Period = ALL) -> Reconciliation:
    with reading(bench.engine) as connection:
        return reconcile(connection, period)


def numbers(found: Reconciliation) -> dict[tuple[str, str], int]:
    return {(str(one.subject), str(one.state)): one.number for one in found.findings}


def test_each_seeded_fault_is_found_and_none_is_wrongly_tied(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        made = make_up(connection, bench.folder, 2_000, seed=18)
    take(bench, made.report, *made.statements)
    found = reconciled(bench)
    expected = made.expected
    counted = {(one.subject, one.state, one.currency): one.number for one in found.findings}
    differences = {(one.subject, one.state, one.currency): one.theirs - one.ours for one in found.findings}
    assert counted == dict(expected.numbers)
    assert differences == dict(expected.differences)
    assert found.differences == {"EUR": 0, "USD": 0}
    assert all(one.action for one in found.problems)


LINE = ("A", 1, 100_000)


def paid_order(bench: ImportBench, number: str = "1") -> StoredOrder:
    (order,) = store_orders(bench.engine, [StoredOrder(number=number, day=date(2025, 12, 1), lines=(LINE,))])
    return order


def charge(order: StoredOrder, key: str, payout: str, **more: str) -> dict[str, str]:
    paid = {"automatic_payout_id": payout, "automatic_payout_effective_at_utc": "2025-12-02 00:00:00"}
    row = stripe_row(key, "charge", "10.00", "0.30", payment_intent_id=f"txn-{order.id}-1", **paid)
    return row | {"created_utc": "2025-12-01 12:00:00"} | more


def bank(bench: ImportBench, *entries: dict[str, Any], last: str = "2025-12-30") -> Path:
    file = bench.folder / "statement.xml"
    file.write_text(camt053(entries, "2025-12-01", last))
    return file


def test_payouts_that_cannot_be_distinguished_are_ambiguous_and_never_guessed(bench: ImportBench) -> None:
    rows = [charge(paid_order(bench, str(n)), f"txn_{n}", f"po_{n}") for n in range(3)]
    # The third one is recognised by its reference, whatever its amount.
    entries = [camt_entry("9.70", "2025-12-03"), camt_entry("9.70", "2025-12-04", "po_2 TRACE99")]
    rows[2]["trace_id"] = "TRACE99"
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, rows), bank(bench, *entries))
    found = numbers(reconciled(bench))
    assert found == {
        ("payment", "ok"): 3,
        ("payout", "ambiguous"): 2,
        ("bank_line", "ambiguous"): 1,
        ("payout", "ok"): 1,
    }


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (camt_entry("9.70", "2025-12-03", name="Somebody"), "missing"),
        (camt_entry("9.70", "2025-12-03", currency="EUR"), "missing"),
        (camt_entry("9.70", "2025-12-25"), "missing"),
        (camt_entry("-9.70", "2025-12-03"), "missing"),
        (camt_entry("9.70", "2025-12-03"), "ok"),
        (camt_entry("9.70", "2025-12-25", "TRACE99"), "late"),
    ],
)
def test_a_payout_is_tied_only_to_a_line_that_is_surely_its_own(
    bench: ImportBench, entry: dict[str, Any], state: str
) -> None:
    rows = [charge(paid_order(bench), "txn_1", "po_1", trace_id="TRACE99")]
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, rows))
    file = bank(bench, entry)
    file.write_text(file.read_text().replace("<Cd>CLBD</Cd>", "<Cd>ITBD</Cd>"))
    take(bench, file)
    assert numbers(reconciled(bench))["payout", state] == 1


@pytest.mark.parametrize(
    ("amounts", "state"),
    [
        (["9.70", "-9.70"], "missing"),
        (["9.70", "-9.70", "9.70"], "ok"),
        (["9.70", "-0.50"], "off"),
        (["9.70", "9.70"], "twice"),
    ],
)
def test_a_payout_that_the_bank_sent_back_has_not_arrived(
    bench: ImportBench, amounts: list[str], state: str
) -> None:
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [charge(paid_order(bench), "txn_1", "po_0001")]))
    take(bench, bank(bench, *(camt_entry(amount, "2025-12-03", "po_0001") for amount in amounts)))
    assert numbers(reconciled(bench)) == {("payment", "ok"): 1, ("payout", state): 1}


def test_a_payout_is_missing_only_if_the_statements_of_its_account_were_imported(bench: ImportBench) -> None:
    rows = [charge(paid_order(bench, str(n)), f"txn_{n}", f"po_000{n}") for n in (1, 2)]
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, rows))

    def state_after(
        iban: str, first: str, last: str, *entries: dict[str, Any], currency: str = "USD"
    ) -> set[str]:
        file = bench.folder / "statement.xml"
        file.write_text(camt053(entries, first, last, iban=iban, currency=currency))
        import_file(bench.engine, read_file(file, UTC, None), "test", new_account=True)
        found = reconciled(bench)
        return {str(one.state) for one in found.problems if one.subject == "payout"}

    receiving, other = "DE89370400440532013000", "NL91ABNA0417164300"
    arrival = camt_entry("9.70", "2025-12-03", "po_0001")
    assert state_after(receiving, "2025-12-01", "2025-12-03", arrival) == {"late"}
    assert state_after(other, "2025-12-01", "2025-12-31") == {"late"}
    assert state_after(receiving, "2025-12-01", "2025-12-31", currency="EUR") == {"late"}
    assert state_after(receiving, "2025-12-20", "2025-12-31") == {"late"}
    # Weekends and holidays have no statement.
    assert state_after(receiving, "2025-12-08", "2025-12-19") == {"missing"}


def test_a_line_that_names_two_payments_is_ambiguous(bench: ImportBench) -> None:
    one, other = paid_order(bench, "1"), paid_order(bench, "2")
    row = charge(one, "txn_1", "po_1", source_id=f"txn-{other.id}-1")
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [row]))
    found = reconciled(bench)
    assert numbers(found)["payment", "ambiguous"] == 3
    assert found.differences == {"USD": 0}


def test_an_amount_in_another_currency_is_no_match(bench: ImportBench) -> None:
    facing = {"customer_facing_amount": "1000", "customer_facing_currency": "jpy"}
    row = charge(paid_order(bench), "txn_1", "po_1", **facing)
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [row]))
    found = reconciled(bench)
    assert {(one.state, one.currency) for one in found.problems} >= {("unknown", "JPY")}
    assert ("ok", "USD") not in {
        (one.state, one.currency) for one in found.findings if one.subject == "payment"
    }


def test_what_the_provider_says_of_a_payout_must_be_the_sum_of_its_lines(bench: ImportBench) -> None:
    stated = charge(paid_order(bench), "txn_2", "po_1") | {
        "reporting_category": "payout",
        "source_id": "po_1",
    }
    stated |= {"gross": "-9.00", "fee": "0.00", "net": "-9.00", "payment_intent_id": ""}
    rows = [charge(paid_order(bench, "2"), "txn_1", "po_1"), stated]
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, rows))
    (one,) = [one for one in reconciled(bench).problems if one.subject == "payout_lines"]
    assert (one.state, one.ours, one.theirs) == ("off", 900, 970)


def test_the_fee_of_a_payout_itself_does_not_reach_the_bank(bench: ImportBench) -> None:
    row = charge(paid_order(bench), "txn_1", "po_0001")
    sent = row | stripe_row("txn_2", "payout", "-9.60", "0.10", source_id="po_0001", payment_intent_id="")
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [row, sent]))
    take(bench, bank(bench, camt_entry("9.60", "2025-12-03", "po_0001")))
    assert numbers(reconciled(bench)) == {("payment", "ok"): 1, ("payout", "ok"): 1}
    with reading(bench.engine) as connection:
        figures = payout_figures(connection, date(2025, 12, 2), UTC)
    assert figures["USD"]["paid_out"] == 960


@pytest.mark.parametrize("is_stated", [True, False])
@pytest.mark.parametrize(
    ("text", "amounts", "state"),
    [
        ("po_0001", ["-5.00"], "ok"),
        ("", ["-5.00"], "ok"),
        ("po_0001", ["-5.00", "-5.00"], "twice"),
        ("po_0001", ["-4.00"], "off"),
        ("", ["5.00"], "missing"),
    ],
)
def test_a_negative_payout_is_taken_from_the_bank(
    bench: ImportBench, text: str, amounts: list[str], state: str, is_stated: bool
) -> None:
    row = charge(paid_order(bench), "txn_1", "po_0001", gross="-4.50", fee="0.50", net="-5.00")
    row |= {"reporting_category": "fee", "payment_intent_id": ""}
    taken = [row | stripe_row("txn_2", "payout", "5.00", source_id="po_0001")] if is_stated else []
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [row, *taken]))
    take(bench, bank(bench, *(camt_entry(amount, "2025-12-03", text) for amount in amounts)))
    assert numbers(reconciled(bench))["payout", state] == 1


def test_a_payout_that_came_back_is_part_of_the_next_one(bench: ImportBench) -> None:
    rows = [charge(paid_order(bench, str(n)), f"txn_{n}", f"po_000{n}") for n in (1, 2)]
    back = stripe_row("txn_3", "payout_failure", "9.70", source_id="po_0001", automatic_payout_id="po_0002")
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [*rows, back]))
    take(bench, bank(bench, camt_entry("19.40", "2025-12-03", "po_0002")))
    expected = {("payment", "ok"): 2, ("payout", "missing"): 1, ("payout", "ok"): 1}
    assert numbers(reconciled(bench)) == expected


def acme_report(bench: ImportBench, *rows: str) -> PayoutFile:
    (bench.folder / "acme.toml").write_text('provider = "acme"\n')
    file = bench.folder / "acme.csv"
    file.write_text("\n".join(["kind,payment,gross,currency,date,payout", *rows]) + "\n")
    return read_file(file, UTC, read_profile(bench.folder / "acme.toml"))


def test_a_report_of_one_provider_does_not_make_payments_of_another_one_missing(bench: ImportBench) -> None:
    one, other, third = (paid_order(bench, number) for number in "123")
    rows = [
        charge(one, "txn_1", "po_0001", created_utc="2025-11-30 12:00:00"),
        charge(third, "txn_3", "po_0002", created_utc="2025-12-20 12:00:00"),
    ]
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, rows))
    assert numbers(reconciled(bench))["payment", "missing"] == 1
    first = f"charge,txn-{other.id}-1,10.00,USD,2025-12-01,"

    def states_after(*rows: str) -> set[tuple[str, str]]:
        import_file(bench.engine, acme_report(bench, *rows), "test")
        return {(str(one.subject), str(one.state)) for one in reconciled(bench).problems}

    paid_order(bench, "4")
    # It was no longer in use in December.
    assert ("payment", "missing") in states_after("other,,1.00,USD,2025-08-01,")
    assert ("payment", "missing") not in states_after(first)
    assert ("payment", "missing") in states_after(first, "fee,,-1.00,USD,2025-12-20,")


def test_a_bank_line_waits_for_the_reports_of_its_own_provider(bench: ImportBench) -> None:
    one, other = paid_order(bench, "1"), paid_order(bench, "2")
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [charge(one, "txn_1", "po_0001")]))
    lines = [f"charge,txn-{other.id}-1,10.00,USD,2025-12-01,", "other,,1.00,USD,2025-12-20,"]
    import_file(bench.engine, acme_report(bench, *lines), "test")
    names = ("STRIPE", "ACME")
    take(bench, bank(bench, *(camt_entry("5.00", "2025-12-10", name=name) for name in names)))
    found = numbers(reconciled(bench))
    assert (found["bank_line", "pending"], found["bank_line", "unknown"]) == (1, 1)


def test_a_document_has_exact_amounts_an_action_and_examples(bench: ImportBench) -> None:
    order = paid_order(bench)
    take(
        bench,
        write_csv(
            bench.folder / "r.csv", STRIPE, [charge(order, "txn_1", "po_1", gross="11.00", net="10.70")]
        ),
    )
    document = reconciliation_document(reconciled(bench))
    off = next(one for one in document["findings"] if one["state"] == "off")
    assert (off["expected"], off["found"], off["difference"]) == (10.0, 11.0, 1.0)
    example = off["examples"][0]
    assert (example["order"], example["line"], example["payout"]) == ("1", "txn_1", "po_1")
    assert off["action"]


def test_a_range_of_days_counts_only_what_happened_in_it(bench: ImportBench) -> None:
    take(bench, write_csv(bench.folder / "r.csv", STRIPE, [charge(paid_order(bench), "txn_1", "po_1")]))
    before = Period(date(2025, 11, 1), date(2025, 11, 30), UTC, 7)
    assert Counter(numbers(reconciled(bench, before))) == Counter()
    inside = Period(date(2025, 12, 1), date(2025, 12, 1), UTC, 7)
    assert numbers(reconciled(bench, inside)) == {("payment", "ok"): 1}
