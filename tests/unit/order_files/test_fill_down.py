"""Files that name an order only on its first line: the order is imported whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import RULES, Imported, parse

PROFILE = """
optional = ["customer_id"]
{inherit}
[columns]
order_number = "Order Reference"
customer_id = "Customer"
sku = "Product"
quantity = "Quantity"
unit_price = "Unit Price"
ordered_at = "Order Date"
"""
INHERIT = 'inherit = ["order_number", "customer_id", "ordered_at"]'
COLUMNS = "Order Reference,Order Date,Customer,Product,Quantity,Unit Price"
FIRST = "S21,2025-03-02,Azure,Desk,2,120.00"
SECOND = "S22,2025-03-02,Deco,Desk,1,120.00"


def read(folder: Path, *lines: str, inherit: str = INHERIT, header: str = COLUMNS) -> Imported:
    shop = folder / "shop.toml"
    shop.write_text(PROFILE.format(inherit=inherit), encoding="utf-8")
    return parse(order_file(folder, *lines, header=header), folder / "parsed", str(shop))


def totals(imported: Imported) -> dict[str, int]:
    return dict(imported.orders.select("number", "total").iter_rows())


def test_blank_order_numbers_take_the_number_above(tmp_path: Path) -> None:
    imported = read(tmp_path, FIRST, ",,,Chair,4,35.50", ",,,Lamp,1,19.90", SECOND, ",,,Chair,2,35.50")
    assert totals(imported) == {"S21": 40190, "S22": 19100}
    assert imported.orders["customer_id"].to_list() == ["Azure", "Deco"]


def test_blank_lines_and_repeated_headers_do_not_end_an_order(tmp_path: Path) -> None:
    imported = read(tmp_path, FIRST, "", ",,,Chair,4,35.50", ",,,,,", COLUMNS, ",,,Lamp,1,19.90", SECOND)
    assert totals(imported) == {"S21": 40190, "S22": 12000}
    assert imported.codes() == ["blank_line", "blank_line", "repeated_header"]


def test_numbers_are_inherited_from_one_frame_to_the_next_and_into_one_part(tmp_path: Path) -> None:
    """Two orders with enough lines for several chunks, frames and parts."""
    size = 150_000
    lines = [FIRST, *[",,,Chair,1,0.01"] * size, SECOND, *[",,,Lamp,1,0.02"] * size]
    imported = read(tmp_path, *lines)
    assert totals(imported) == {"S21": 24000 + size, "S22": 12000 + 2 * size}
    assert imported.parsed.rejected_lines == 0


@pytest.mark.parametrize("broken", [",,,Chair,4", ',,,"Chair"x,4,35.50', ",,,Chair,4,35.50,x"], ids=str)
def test_a_broken_line_without_a_number_rejects_the_order_above(tmp_path: Path, broken: str) -> None:
    imported = read(tmp_path, FIRST, broken, ",,,Lamp,1,19.90", SECOND)
    assert totals(imported) == {"S22": 12000}
    assert set(imported.rejects["order_number"]) == {"S21"}


def test_a_broken_line_whose_number_may_be_another_column_rejects_both_sides(tmp_path: Path) -> None:
    header = "Order Date,Customer,Order Reference,Product,Quantity,Unit Price"
    imported = read(
        tmp_path,
        "2025-03-02,Azure,S21,Desk,2,120.00",
        ",,,Chair, wide,4,35.50",
        ",,,Lamp,1,19.90",
        ",,Chair,Lamp,1",
        ",,,Lamp,1,19.90",
        "2025-03-02,Deco,S22,Desk,1,120.00",
        header=header,
    )
    assert totals(imported) == {"S22": 12000}
    assert set(imported.rejects["order_number"]) == {"S21"}


def test_lines_before_the_first_number_belong_to_no_order(tmp_path: Path) -> None:
    imported = read(tmp_path, ",,,Chair,4,35.50", FIRST)
    assert totals(imported) == {"S21": 24000}
    assert imported.codes() == ["order_number_missing"]


@pytest.mark.parametrize("inherit", ["", 'inherit = ["customer_id", "ordered_at"]'], ids=["none", "others"])
def test_without_inheritance_no_order_is_taken_in_part(tmp_path: Path, inherit: str) -> None:
    lines = [FIRST, ",,,Chair,4,35.50", ",,,Lamp,1,19.90", SECOND]
    imported = read(tmp_path, *lines, inherit=inherit)
    assert totals(imported) == {"S22": 12000}
    assert imported.codes() == ["order_rejected", "order_number_missing", "order_number_missing"]
    assert set(imported.rejects["order_number"]) == {"S21"}


def test_a_line_with_another_customer_or_date_is_not_part_of_the_order_above(tmp_path: Path) -> None:
    imported = parse(
        order_file(
            tmp_path,
            line("1"),
            line("", customer="8"),
            line("2"),
            line("", date="2025-11-11"),
            line("3"),
            line(""),
        ),
        tmp_path / "parsed",
    )
    assert list(totals(imported)) == ["1", "2"]
    assert imported.rejects["order_number"].to_list() == [None, None, "3", "3"]


def test_a_line_of_sums_does_not_harm_the_last_order(tmp_path: Path) -> None:
    sums = "," * (HEADER.count(",") - 2) + "250.00,,"
    imported = parse(order_file(tmp_path, line("1"), sums, "", sums), tmp_path / "parsed", rules=RULES)
    assert list(totals(imported)) == ["1"]


def test_items_follow_their_order_over_the_end_of_a_frame_without_inheritance_too(tmp_path: Path) -> None:
    lines = [FIRST, *[",,,Chair,1,0.01"] * 200_000, SECOND]
    assert totals(read(tmp_path, *lines, inherit="")) == {"S22": 12000}
