"""Lines that are left out of their orders, and order numbers that are reused."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from tests.unit.order_files.files import line, order_file
from tests.unit.order_files.parsing import Imported, parse

PROFILE = """
optional = ["customer_id"]
[columns]
order_number = "order_id"
customer_id = "customer_id"
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
ordered_at = "order_date"
"""


def shop(folder: Path, more: str) -> str:
    file = folder / "shop.toml"
    file.write_text(PROFILE + more, encoding="utf-8")
    return str(file)


def totals(imported: Imported) -> dict[str, int]:
    return dict(imported.orders.select("number", "total").iter_rows())


def test_a_listed_value_is_found_behind_many_others(tmp_path: Path) -> None:
    lines = [line(str(number), sku=f"S-{number}") for number in range(40)]
    profile = shop(tmp_path, '[skip]\nproduct_sku = ["s-39", "S-40"]\n')
    [warning] = parse(order_file(tmp_path, *lines), tmp_path / "parsed", profile).parsed.warnings
    assert warning.message.endswith(
        "has 'S-40' there. Its values are " + ", ".join(f"'S-{number}'" for number in range(8)) + ", ...."
    )


def mixed(folder: Path) -> Path:
    return order_file(
        folder,
        line("8001"),
        line("8001", sku="GIFT", price="0.00"),
        line("8002", quantity="2"),
        line("8003"),
        line("8003", sku="BACK", quantity="-1", date="2025-11-12 10:00:00"),
        line("8003", price="5.00"),
        line("8004", price="0"),
    )


@pytest.mark.parametrize(
    ("said", "orders", "left_out"),
    [
        (None, {"8002": 500}, 0),
        ("free", {"8001": 250, "8002": 500}, 2),
        ("free, RETURNED", {"8001": 250, "8002": 500, "8003": 750}, 3),
    ],
)
def test_free_and_returned_lines_leave_their_order(
    tmp_path: Path, said: str | None, orders: dict[str, int], left_out: int
) -> None:
    imported = parse(mixed(tmp_path), tmp_path / "parsed", leave_out=said)
    assert (totals(imported), imported.parsed.left_out_lines) == (orders, left_out)
    codes = [warning.code for warning in imported.parsed.warnings]
    assert codes == (["returned_left_out"] if said and "RETURNED" in said else [])


def test_the_profile_leaves_out_by_kind_and_by_value(tmp_path: Path) -> None:
    lines = '[lines]\nleave_out = ["returned", { product_sku = ["gift", "none of these"], currency = "USD" }]'
    imported = parse(mixed(tmp_path), tmp_path / "parsed", shop(tmp_path, lines))
    assert totals(imported) == {"8001": 250, "8002": 500, "8003": 750}
    assert imported.parsed.rejects_by_code == {"price_not_positive": 1}
    [unseen, _] = imported.parsed.warnings
    assert (unseen.code, "'S-1', 'GIFT', 'BACK'" in unseen.message) == ("leave_out_matches_nothing", True)


def test_a_blank_can_be_listed(tmp_path: Path) -> None:
    file = order_file(tmp_path, line("1", sku="", price="99"), line("1"), line("2", sku="NULL"), line("2"))
    lines = '[lines]\nleave_out = [{ product_sku = [""] }]'
    imported = parse(file, tmp_path / "parsed", shop(tmp_path, lines))
    assert (totals(imported), imported.parsed.left_out_lines) == ({"1": 250, "2": 250}, 2)


def test_what_only_a_left_out_line_says_of_its_order_counts(tmp_path: Path) -> None:
    more = """
[lines]
leave_out = [{ product_sku = [""] }]
[amounts]
shipping = "postage"
total = "owed"
"""
    header = "order_id,customer_id,product_sku,quantity,unit_price,order_date,postage,owed"
    file = order_file(
        tmp_path,
        "1,ann,,2,9.00,2025-11-10,4.00,11.50",
        "1,,M,1,2.50,2025-11-10,0,",
        "1,,C,1,5.00,2025-11-10,,",
        header=header,
    )
    imported = parse(file, tmp_path / "parsed", shop(tmp_path, more))
    assert totals(imported) == {"1": 1150}
    assert imported.orders["customer_id"].to_list() == ["ann"]


def test_a_broken_line_is_never_left_out(tmp_path: Path) -> None:
    file = order_file(tmp_path, line("1"), line("1", price="0") + ",more")
    imported = parse(file, tmp_path / "parsed", leave_out="free")
    assert imported.codes() == ["order_rejected", "field_count"]


def test_a_column_that_the_file_lacks_is_refused_and_so_is_an_unknown_kind(tmp_path: Path) -> None:
    file = order_file(tmp_path, line())
    with pytest.raises(FileRefused, match="no column Status") as missing:
        parse(file, tmp_path / "parsed", shop(tmp_path, '[lines]\nleave_out = [{ Status = ["x"] }]'))
    assert missing.value.code == "column_missing"
    with pytest.raises(FileRefused, match="'free,broken'") as invalid:
        identify(file, None, ReadOptions(leave_out="free,broken"))
    assert invalid.value.code == "option_invalid"
    with pytest.raises(FileRefused, match=r"lines\.leave_out"):
        parse(file, tmp_path / "parsed", shop(tmp_path, '[lines]\nleave_out = ["broken"]'))


def test_the_option_is_a_word_of_the_partition_key() -> None:
    assert ReadingInstructions(options=ReadOptions(leave_out="free")).words == "leave_out=free"


def test_a_number_of_several_customers_or_days_is_rejected(tmp_path: Path) -> None:
    file = order_file(
        tmp_path,
        line("1", customer="501"),
        line("2", customer="502"),
        line("3", customer="503"),
        line("1", customer="504"),
        line("2", customer="502", date="2025-11-11 00:00:00"),
        line("3", customer=""),
        line("3", customer="503", date="2025-11-10 23:59:59"),
    )
    imported = parse(file, tmp_path / "parsed")
    assert totals(imported) == {"3": 750}
    assert imported.parsed.rejects_by_code == {"order_number_reused": 4}


def test_a_customer_far_from_the_other_one_is_found(tmp_path: Path) -> None:
    numbers = [line("1", customer="501"), *[line("1", customer="")] * 3, line("1", customer="502")]
    imported = parse(order_file(tmp_path, *numbers), tmp_path / "parsed")
    assert imported.parsed.rejects_by_code == {"order_number_reused": 5}


def test_lines_that_are_left_out_do_not_make_a_number_reused(tmp_path: Path) -> None:
    other = line("1", customer="9", quantity="-1", date="2025-11-12 00:00:00")
    imported = parse(order_file(tmp_path, line("1"), other), tmp_path / "parsed", leave_out="returned")
    assert totals(imported) == {"1": 250}


TILL = """
[columns]
sku = "Item Code"
quantity = "Qty"
line_total = "Amount"
[joined]
order_number = ["Bill Date", "Bill No"]
ordered_at = ["Bill Date", "Bill Time"]
"""
BILLS = [
    "1,01-03-2026,09:02,TEA,2,4.00",
    "1,01-03-2026,09:02,BUN,1,1.50",
    "2,01-03-2026,18:40,TEA,1,2.00",
    "1,14-03-2026,09:10,BUN,4,6.00",
    "2,14-03-2026,09:15,TEA,3,6.00",
]
TILL_HEADER = "Bill No,Bill Date,Bill Time,Item Code,Qty,Amount"


def test_a_till_that_begins_again_each_day_has_numbers_of_two_columns(tmp_path: Path) -> None:
    till = tmp_path / "till.toml"
    till.write_text(TILL, encoding="utf-8")
    file = order_file(tmp_path, *BILLS, "", TILL_HEADER, ",,,,,1.00", header=TILL_HEADER)
    imported = parse(file, tmp_path / "parsed", str(till))
    assert sorted(totals(imported).values()) == [200, 550, 600, 600]
    assert "01-03-2026 1" in totals(imported)
    assert imported.codes() == ["blank_line", "repeated_header", "order_number_missing"]
    till.write_text(
        TILL.replace('order_number = ["Bill Date", "Bill No"]', "").replace(
            "[columns]", '[columns]\norder_number = "Bill No"'
        ),
        encoding="utf-8",
    )
    again = parse(order_file(tmp_path, *BILLS, header=TILL_HEADER), tmp_path / "parsed", str(till))
    assert again.parsed.rejects_by_code == {"order_number_reused": 5}


def test_a_cut_off_joined_number_belongs_to_the_order_before(tmp_path: Path) -> None:
    till = tmp_path / "till.toml"
    till.write_text(TILL, encoding="utf-8")
    file = tmp_path / "bills.csv"
    file.write_text("\n".join([TILL_HEADER, *BILLS, "2,14-03"]), encoding="utf-8")
    imported = parse(file, tmp_path / "parsed", str(till))
    assert sorted(totals(imported).values()) == [200, 550, 600, 600]
    assert imported.codes() == ["cut_off"]


def test_parts_of_an_amount_leave_with_their_lines_and_amounts_of_the_order_stay(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(
        "order_id,customer_id,product_sku,quantity,unit_price,order_date,post,wrap\n"
        "1,7,SUM,3,0.00,2025-11-10,4.00,9.00\n"
        "1,7,MUG,1,10.00,2025-11-10,,1.00\n"
        "1,7,CUP,1,5.00,2025-11-10,,1.00\n",
        encoding="utf-8",
    )
    amounts = (
        '[lines]\nleave_out = ["free"]\n[amounts]\nshipping = "post"\nfee = "wrap"\nper_line = ["fee"]\n'
    )
    assert totals(parse(file, tmp_path / "parsed", shop(tmp_path, amounts))) == {"1": 2100}
