"""Imported reports and statements: each line once, and only lines of this shop's accounts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, date
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.console.page_data.order_story import history_of
from orders_pipeline.exports.datasets import Dataset, Wanted, export_rows
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.payouts.files import list_files, list_rejects
from orders_pipeline.payouts.importing import PayoutImport, import_file
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.retention.payouts import remove_payout_rejects
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import bank_lines, payout_lines, payouts, refunds
from tests.import_bench import ImportBench
from tests.made_up.builders import StoredOrder, store_orders
from tests.made_up.money_back import store_refund
from tests.made_up.payout_files import IBAN, STRIPE, camt053, camt_entry, stripe_row, write_csv

WHOLE = "payout_lines_are_in_the_store"


@pytest.fixture
def order(bench: ImportBench) -> StoredOrder:
    line = ("A", 1, 100_000)
    (order,) = store_orders(bench.engine, [StoredOrder(number="1", day=date(2025, 11, 10), lines=(line,))])
    return order


def take(bench: ImportBench, file: Path, **options: bool) -> PayoutImport:
    return import_file(bench.engine, read_file(file, UTC, None), "test", **options)


def stripe(bench: ImportBench, *rows: dict[str, str], name: str = "report.csv") -> Path:
    return write_csv(bench.folder / name, STRIPE, rows)


def charge(order: StoredOrder, key: str = "txn_1", gross: str = "10.00", **more: str) -> dict[str, str]:
    return stripe_row(key, "charge", gross, "0.30", payment_intent_id=f"txn-{order.id}-1", **more)


def test_the_same_lines_are_stored_once_in_whichever_file_they_come(
    bench: ImportBench, order: StoredOrder
) -> None:
    file = stripe(
        bench, charge(order), stripe_row("txn_2", "fee", "-1.00"), stripe_row("txn_3", "fee", "-0.005")
    )
    assert asdict(take(bench, file, dry=True))["accepted"] == 2
    assert take(bench, file).accepted == 2
    again = take(bench, file)
    assert (again.accepted, again.duplicates, again.rejected) == (0, 2, 1)
    longer = stripe(bench, charge(order), stripe_row("txn_4", "fee", "-2.00"), name="longer.csv")
    assert (take(bench, longer).accepted, take(bench, longer).duplicates) == (1, 2)
    assert WHOLE not in bench.broken_checks()
    with reading(bench.engine) as connection:
        assert len(connection.execute(select(payout_lines)).all()) == 3
        newest, first = list_files(connection, 10)
        assert (first["records"], first["accepted"], first["rejected"]) == (3, 2, 1)
        assert [one["code"] for one in list_rejects(connection, first["id"])] == ["amount_invalid"]
        assert newest["file_name"] == "longer.csv"


def test_files_with_the_same_lines_can_be_imported_at_the_same_time(
    bench: ImportBench, order: StoredOrder
) -> None:
    rows = [stripe_row(f"txn_{n}", "fee", "-1.00", automatic_payout_id=f"po_{n % 50}") for n in range(500)]
    files = [
        stripe(bench, charge(order, "txn_x"), *ordered, name=f"{n}.csv")
        for n, ordered in enumerate([rows, rows[::-1], rows[100:], rows[400::-1]])
    ]
    with ThreadPoolExecutor() as threads:
        done = list(threads.map(partial(take, bench), files))
    assert sum(one.accepted for one in done) == 501
    assert [one.rejected for one in done] == [0, 0, 0, 0]


def test_a_later_report_adds_the_payout_of_a_line_and_cannot_change_its_amount(
    bench: ImportBench, order: StoredOrder
) -> None:
    take(bench, stripe(bench, charge(order)))
    paid = take(bench, stripe(bench, charge(order, automatic_payout_id="po_1"), name="paid.csv"))
    changed = take(bench, stripe(bench, charge(order, gross="11.00"), name="changed.csv"))
    assert (paid.duplicates, changed.rejects_by_code) == (1, {"line_conflict": 1})
    with reading(bench.engine) as connection:
        lines = select(payout_lines.c.gross, payouts.c.reference).join(payouts)
        assert connection.execute(lines).all() == [(1000, "po_1")]
        (story,) = find_orders(connection, "1", None)
    (line,) = story["provider_lines"]
    assert (line["fee"], line["net"], line["payout"]) == ("0.30", "9.70", "po_1")
    shown = {moment.text: moment.detail for moment in history_of(story)}
    assert shown["Provider booked the charge: 10.00 USD, less a fee of 0.30 USD"] == "payout po_1"


def test_a_report_of_another_account_is_refused_unless_a_person_says_that_it_is_ours(
    bench: ImportBench,
) -> None:
    other = stripe(bench, stripe_row("txn_9", "charge", "5.00", payment_intent_id="pi_of_somebody"))
    with pytest.raises(FileRefused, match="another account"):
        take(bench, other)
    with reading(bench.engine) as connection:
        assert list_files(connection, 10) == []
    assert take(bench, other, new_account=True).accepted == 1


def test_of_a_bank_statement_only_lines_of_providers_and_payouts_are_stored(
    bench: ImportBench, order: StoredOrder
) -> None:
    take(bench, stripe(bench, charge(order, automatic_payout_id="po_12345")))
    entries = [
        camt_entry("9.70", "2025-11-12", "STRIPE PAYOUT"),
        camt_entry("9.70", "2025-11-12", "po_12345", name="Bank"),
        camt_entry("-2000.00", "2025-11-12", "Salary", name="Jane Doe"),
    ]
    file = bench.folder / "statement.xml"
    file.write_text(camt053(entries, "2025-11-12", "2025-11-13"))
    first, again = take(bench, file), take(bench, file)
    assert (first.accepted, first.unrelated, again.duplicates, again.unrelated) == (2, 1, 2, 1)
    with reading(bench.engine) as connection:
        texts = connection.execute(select(bank_lines.c.text)).scalars().all()
    assert not any("Jane" in text for text in texts)
    file.write_text(camt053(entries, "2025-11-12", "2025-11-13", iban=IBAN.replace("89", "90")))
    with pytest.raises(FileRefused, match="is of the account"):
        take(bench, file)


def test_lines_of_a_bank_that_gives_no_reference_or_one_twice_are_not_lost(bench: ImportBench) -> None:
    nothing = [
        camt_entry(amount, "2025-11-12", "STRIPE", ref=ref)
        for amount, ref in (("9.70", "NONREF"), ("8.70", "NONREF"), ("7.70", "NOTPROVIDED"))
    ]
    twice = [
        camt_entry("6.70", "2025-11-12", "STRIPE", ref="1"),
        camt_entry("5.70", "2025-11-12", "STRIPE", ref="1"),
        camt_entry("-3.00", "2025-11-12", "Salary", name="Jane Doe", ref="2"),
        camt_entry("4.70", "2025-11-12", "STRIPE", ref="2"),
    ]
    file = bench.folder / "statement.xml"
    file.write_text(camt053([*nothing, *twice], "2025-11-12", "2025-11-13"))
    first, again = take(bench, file), take(bench, file)
    assert (first.accepted, first.unrelated, first.rejects_by_code) == (5, 1, {"line_conflict": 1})
    assert (again.accepted, again.duplicates) == (0, 5)
    with reading(bench.engine) as connection:
        amounts = connection.execute(select(bank_lines.c.amount).order_by("id")).scalars().all()
    assert amounts == [970, 870, 770, 670, 470]


def test_an_export_names_the_same_order_of_a_line_as_its_history(
    bench: ImportBench, order: StoredOrder
) -> None:
    refund = store_refund(bench.engine, order, date(2025, 11, 11), 400)
    with bench.engine.begin() as connection:
        connection.execute(update(refunds).where(refunds.c.id == refund).values(transaction_id="re_1"))
    take(bench, stripe(bench, charge(order), stripe_row("txn_2", "refund", "-4.00", source_id="re_1")))
    with reading(bench.engine) as connection:
        (story,) = find_orders(connection, "1", None)
    assert [line["kind"] for line in story["provider_lines"]] == ["charge", "refund"]
    exported = export_rows(bench.engine, bench.settings.warehouse, Dataset.PAYOUT_LINES, Wanted())
    assert [(row[0], row[4]) for row in exported] == [("1", "charge"), ("1", "refund")]


def test_a_removed_line_is_noticed_and_old_rejects_are_removed(
    bench: ImportBench, order: StoredOrder
) -> None:
    take(bench, stripe(bench, charge(order), stripe_row("txn_2", "fee", "-0.005")))
    assert remove_payout_rejects(bench.engine, now_us(), dry=True) == 1
    assert remove_payout_rejects(bench.engine, now_us(), dry=False) == 1
    assert WHOLE not in bench.broken_checks()
    with bench.engine.begin() as connection:
        connection.execute(delete(payout_lines))
    assert WHOLE in bench.broken_checks()
