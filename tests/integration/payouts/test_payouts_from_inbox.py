"""Reports and statements in the inbox are imported, and order files are staged."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.arrival.dropped_files import DroppedFiles
from orders_pipeline.imports.arrival.quarantine import (
    QuarantinedFile,
    ask_to_retry,
    find_quarantined,
    list_quarantined,
)
from orders_pipeline.payouts.files import list_files
from orders_pipeline.payouts.recognising import is_about_payouts
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench, Line, write_orders
from tests.made_up.builders import StoredOrder, store_orders
from tests.made_up.payout_files import ADYEN, IBAN, STRIPE, camt053, camt_entry, stripe_row, write_csv

MT940 = f":20:1\n:25:{IBAN}\n:28C:1/1\n:60F:C251110USD100,00\n:62F:C251110USD100,00\n"


@pytest.fixture
def dropped(bench: ImportBench) -> DroppedFiles:
    bench.settings.inbox_folder.mkdir(parents=True)
    return DroppedFiles(Inbox(bench.settings.inbox_folder, stable_seconds=0))


def imported(bench: ImportBench) -> list[dict[str, Any]]:
    with reading(bench.engine) as connection:
        return list_files(connection, 10)


def in_quarantine(bench: ImportBench) -> list[QuarantinedFile]:
    with reading(bench.engine) as connection:
        return list_quarantined(connection, 10)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def statement() -> str:
    return camt053([camt_entry("5.00", "2025-11-10")], "2025-11-10", "2025-11-10")


def test_each_file_becomes_what_it_is(bench: ImportBench, dropped: DroppedFiles) -> None:
    inbox = bench.settings.inbox_folder
    write_csv(inbox / "fees.csv", STRIPE, [stripe_row("txn_1", "fee", "-1.00")])
    (inbox / "bank.xml").write_text(statement())
    (inbox / "bank.sta").write_text(MT940)
    write_orders(inbox / "orders.csv", [Line("1")])
    dropped.take_in(bench.engine, bench.staging)
    assert {(one["file_name"], one["format"], one["imported_by"]) for one in imported(bench)} == {
        ("fees.csv", "stripe", "inbox"),
        ("bank.xml", "camt053", "inbox"),
        ("bank.sta", "mt940", "inbox"),
    }
    assert list(bench.keys()) == ["orders.csv"]
    assert names(inbox / "done") == {"fees.csv", "bank.xml", "bank.sta", "orders.csv"}
    assert in_quarantine(bench) == []


def test_a_report_is_imported_at_once_and_launches_no_run(bench: ImportBench, dropped: DroppedFiles) -> None:
    inbox = bench.settings.inbox_folder
    write_csv(inbox / "fees.csv", STRIPE, [stripe_row("txn_1", "fee", "-1.00")])
    assert not dropped.take_at_once(bench.engine, bench.staging, "fees.csv")
    assert [one["accepted"] for one in imported(bench)] == [1]
    assert names(inbox) == set()


def test_a_report_that_came_again_after_a_crash_is_imported_once(
    bench: ImportBench, dropped: DroppedFiles
) -> None:
    inbox = bench.settings.inbox_folder
    for _ in range(2):
        write_csv(inbox / "fees.csv", STRIPE, [stripe_row("txn_1", "fee", "-1.00")])
        dropped.take_in(bench.engine, bench.staging)
    assert [one["accepted"] for one in imported(bench)] == [1]


def test_a_report_of_unknown_charges_waits_in_quarantine_until_its_orders_are_there(
    bench: ImportBench, dropped: DroppedFiles
) -> None:
    inbox, row = (
        bench.settings.inbox_folder,
        stripe_row("txn_1", "charge", "10.00", payment_intent_id="txn-1-1"),
    )
    write_csv(inbox / "charges.csv", STRIPE, [row])
    dropped.take_in(bench.engine, bench.staging)
    (kept,) = in_quarantine(bench)
    assert (kept.code, imported(bench)) == ("account_other", [])
    store_orders(bench.engine, [StoredOrder(number="1", day=date(2025, 11, 10), lines=(("A", 1, 100_000),))])
    with bench.engine.begin() as connection:
        ask_to_retry(connection, [kept.id], {}, "cli:ada")
    dropped.take_in(bench.engine, bench.staging)
    with reading(bench.engine) as connection:
        (closed,) = find_quarantined(connection, [kept.id])
    assert (closed.closed_as, closed.partition_key) == ("retried", None)
    assert [one["file_name"] for one in imported(bench)] == ["charges.csv"]


def test_a_link_to_a_report_is_not_followed(bench: ImportBench, dropped: DroppedFiles) -> None:
    secret = write_csv(bench.folder / "secret.csv", STRIPE, [stripe_row("txn_1", "fee", "-1.00")])
    (bench.settings.inbox_folder / "link.csv").symlink_to(secret)
    dropped.take_in(bench.engine, bench.staging)
    assert ([one.code for one in in_quarantine(bench)], imported(bench)) == (["not_a_file"], [])


def test_a_report_is_no_order_file_unless_a_profile_is_named(bench: ImportBench) -> None:
    report = write_csv(bench.folder / "fees.csv", STRIPE, [stripe_row("txn_1", "fee", "-1.00")])
    with pytest.raises(FileRefused, match="not an order file"):
        bench.stage(report)


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (",".join(STRIPE), True),
        ("\ufeff" + ",".join(f'"{name}"' for name in ADYEN), True),
        (statement(), True),
        (MT940, True),
        ("order,sku,quantity,gross,fee,net,currency\n1,A,1,1,0,1,USD\n", False),
        ("<html><table><tr><td>order</td></tr></table></html>", False),
        ('note\n"see :20: and :25: and :60F: below"\n', False),
        ('{"orders": []}', False),
        ("", False),
    ],
)
def test_files_are_distinguished_by_how_they_begin(tmp_path: Path, content: str, is_one: bool) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    assert is_about_payouts(file) is is_one


def test_no_order_file_is_taken_for_a_report(datasets: Path) -> None:
    files = [path for path in datasets.rglob("*") if path.is_file()]
    assert [path.name for path in files if is_about_payouts(path)] == []
