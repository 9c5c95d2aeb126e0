"""Rejected orders are exported, corrected by hand and imported again; only they are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from tests.import_bench import HEADER, ImportBench, Line, many_orders

BAD = [
    Line("b1", quantity=0),
    Line("b1", "CABLE", 2, "3.00"),
    Line("b2", price="free"),
    Line("b3", date="soon"),
]
OWN_PROFILE = """
[columns]
order_number = "Bestellung"
sku = "Artikel"
quantity = "Menge"
unit_price = "Preis"
ordered_at = "Datum"
"""


def corrected(bench: ImportBench, key: str, *changes: tuple[str, str], name: str = "fixed.csv") -> Path:
    """The export of a file's rejects with these changes, each of which must match once."""
    text = bench.exported(key)
    for wrong, right in changes:
        assert text.count(wrong.encode()) == 1, text
        text = text.replace(wrong.encode(), right.encode())
    file = bench.folder / name
    file.write_bytes(text)
    return file


def test_only_the_corrected_orders_enter_and_whole(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(3), *BAD))
    first = bench.settle(key)
    assert first.orders == {"accepted": 3, "rejected": 3, "duplicate": 0}
    fixed = corrected(bench, key, ("MOUSE,Mouse,0,10.00", "MOUSE,Mouse,1,10.00"), (",free,", ",2.50,"))
    again = bench.settle(bench.stage(fixed))
    assert again.orders == {"accepted": 2, "rejected": 1, "duplicate": 0}
    assert again.rejects_by_code == {"date_unreadable": 1}
    assert (again.records, again.accepted_lines, again.rejected_lines) == (4, 3, 1)
    assert again.revenue == {"USD": "18.50"}
    assert set(bench.statuses()) == {"n0", "n1", "n2", "b1", "b2"}
    assert bench.broken_checks() == set()


def test_the_export_may_have_the_name_of_its_original(lone_bench: ImportBench) -> None:
    key = lone_bench.stage(lone_bench.write(Line("1"), Line("2", quantity=0)))
    lone_bench.settle(key)
    fixed = corrected(lone_bench, key, (",0,10.00", ",4,10.00"), name="orders.csv")
    again = lone_bench.stage(fixed)
    assert again != key
    assert lone_bench.settle(again).orders["accepted"] == 1
    assert set(lone_bench.statuses()) == {"1", "2"}


def test_uncorrected_rejects_are_rejected_again_for_the_same_reasons(lone_bench: ImportBench) -> None:
    key = lone_bench.stage(lone_bench.write(Line("1"), *BAD))
    first = lone_bench.settle(key)
    again = lone_bench.settle(lone_bench.stage(corrected(lone_bench, key)))
    assert again.rejects_by_code == first.rejects_by_code
    assert again.orders == {"accepted": 0, "rejected": 3, "duplicate": 0}


def test_corrections_may_take_several_rounds(lone_bench: ImportBench) -> None:
    key = lone_bench.stage(lone_bench.write(Line("1"), *BAD), source="east")
    lone_bench.settle(key)
    second = lone_bench.stage(corrected(lone_bench, key, (",free,", ",2.50,")))
    lone_bench.settle(second)
    header = lone_bench.exported(second).decode().splitlines()[0]
    assert header.count("reject_code") == 1
    assert header.endswith(HEADER)
    third = lone_bench.stage(
        corrected(lone_bench, second, (",USD,soon", ",USD,2025-11-11"), name="third.csv")
    )
    assert lone_bench.settle(third).orders == {"accepted": 1, "rejected": 1, "duplicate": 0}
    assert set(lone_bench.statuses()) == {"1", "b2", "b3"}
    assert {lone_bench.found(k).source for k in (key, second, third)} == {"east"}


def test_a_conflicting_order_comes_out_whole_and_enters_under_a_number_of_its_own(bench: ImportBench) -> None:
    bench.import_lines(Line("1"), Line("2"))
    changed = [Line("1", quantity=5), Line("3"), Line("1", "CABLE", 2, "3.00", name='Ada "The" Lovelace')]
    key = bench.stage(bench.write(*changed, name="second.csv"))
    assert bench.settle(key).rejects_by_code == {"order_conflict": 1}
    text = bench.exported(key).decode()
    assert [line.partition(",")[0] for line in text.splitlines()[1:]] == ["order_conflict", "order_rejected"]
    assert [line.endswith(str(raw)) for line, raw in zip(text.splitlines()[1:], changed[::2], strict=True)]
    fixed = bench.folder / "fixed.csv"
    fixed.write_text(text.replace(",1,c1,", ",1-b,c1,"))
    again = bench.settle(bench.stage(fixed))
    assert again.orders == {"accepted": 1, "rejected": 0, "duplicate": 0}
    assert bench.lines_of("1-b") == [(5, 500_000, 2), (2, 60_000, 3)]
    assert bench.lines_of("1") == [(1, 100_000, 2)]
    assert bench.broken_checks() == set()


def test_a_conflicting_order_left_as_it_is_is_a_conflict_again(lone_bench: ImportBench) -> None:
    lone_bench.import_lines(Line("1"))
    key = lone_bench.stage(lone_bench.write(Line("1", quantity=5), name="second.csv"))
    lone_bench.settle(key)
    again = lone_bench.settle(lone_bench.stage(corrected(lone_bench, key)))
    assert again.rejects_by_code == {"order_conflict": 1}
    assert lone_bench.lines_of("1") == [(1, 100_000, 2)]


def test_a_conflict_whose_original_is_lost_says_so(lone_bench: ImportBench) -> None:
    lone_bench.import_lines(Line("1"))
    key = lone_bench.stage(lone_bench.write(Line("1", quantity=5), name="second.csv"))
    lone_bench.settle(key)
    (lone_bench.staged(key) / "original").unlink()
    with pytest.raises(FileRefused) as refused:
        lone_bench.exported(key)
    assert refused.value.code == "staged_file_lost"


def test_the_export_of_a_users_profile_and_source_needs_neither_to_be_named(lone_bench: ImportBench) -> None:
    profile = lone_bench.folder / "shop.toml"
    profile.write_text(OWN_PROFILE)
    file = lone_bench.folder / "bestellungen.csv"
    rows = ["B-1;M;1;2,50;1.11.2025", "B-2;M;0;2,50;2.11.2025", "B-3;M;1;2,50;13.11.2025"]
    file.write_text("\r\n".join(["Bestellung;Artikel;Menge;Preis;Datum", *rows, ""]), encoding="cp1252")
    key = lone_bench.stage(file, profile=str(profile), source="shop-de")
    assert lone_bench.settle(key).orders["accepted"] == 2
    profile.unlink()
    fixed = corrected(lone_bench, key, ("B-2;M;0;", "B-2;M;3;"))
    again = lone_bench.stage(fixed)
    report = lone_bench.settle(again)
    assert (report.profile, lone_bench.found(again).source) == ("shop", "shop-de")
    assert report.revenue == {"USD": "7.50"}
    days = {row[4]: str(row[9]) for row in lone_bench.rows("orders")}
    assert days == {"B-1": "2025-11-01", "B-2": "2025-11-02", "B-3": "2025-11-13"}


def test_a_file_read_with_options_comes_back_without_them(lone_bench: ImportBench) -> None:
    text = "\n".join([HEADER, str(Line("1")), str(Line("2", quantity=0, name="Zoë")), ""])
    file = lone_bench.folder / "odd.csv"
    file.write_text(text.replace(",", "~"), encoding="cp850")
    key = lone_bench.stage(file, delimiter="~", encoding="cp850")
    lone_bench.settle(key)
    again = lone_bench.settle(lone_bench.stage(corrected(lone_bench, key, ("Mouse~0~", "Mouse~1~"))))
    assert again.orders == {"accepted": 1, "rejected": 0, "duplicate": 0}
    assert ("c1", "Zoë") in lone_bench.rows("customers", "search_name")


def test_an_export_whose_import_the_store_does_not_know_is_read_by_its_header(
    lone_bench: ImportBench,
) -> None:
    key = lone_bench.stage(lone_bench.write(Line("1", quantity=0)))
    lone_bench.settle(key)
    fixed = corrected(lone_bench, key, (",0,10.00", ",1,10.00"))
    fixed.write_bytes(fixed.read_bytes().replace(key.encode(), b"orders.csv-000000000000"))
    assert lone_bench.settle(lone_bench.stage(fixed)).orders["accepted"] == 1


@pytest.mark.parametrize("escape_formulas", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "online_retail/by-day/2010-12-06.csv",
        "online_retail/online-retail-latin1-ddmmyyyy-truncated-39k.csv",
        "woocommerce/webtoffee_Sample_Order.csv",
        "shopify/devstore_orders_export.pseudonymised.csv",
    ],
)
def test_the_rejects_of_real_files_come_back_with_the_same_codes(
    lone_bench: ImportBench, datasets: Path, name: str, *, escape_formulas: bool
) -> None:
    key = lone_bench.stage(datasets / name)
    first = lone_bench.settle(key)
    again_file = lone_bench.folder / "rejects.csv"
    again_file.write_bytes(lone_bench.exported(key, escape_formulas=escape_formulas))
    again = lone_bench.settle(lone_bench.stage(again_file))
    renamed = {"field_count" if c == "cut_off" else c: n for c, n in first.rejects_by_code.items()}
    assert again.rejects_by_code == renamed
    assert again.orders == {"accepted": 0, "rejected": first.orders["rejected"], "duplicate": 0}
    assert again.lines_of_rejected_orders == first.lines_of_rejected_orders
    assert lone_bench.broken_checks() == set()
