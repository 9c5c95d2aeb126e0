"""Which column a name in a profile refers to, and when this is ambiguous."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.header_names import places_of
from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import parse

PROFILE = """
[columns]
order_number = "Order ID"
sku = "SKU"
quantity = "Quantity"
line_total = "{price}"
ordered_at = "Order Date"
"""


def profile(folder: Path, price: str = "Sales", more: str = "") -> str:
    file = folder / "shop.toml"
    file.write_text(PROFILE.format(price=price) + more, encoding="utf-8")
    return str(file)


def sales(folder: Path, *names: str) -> Path:
    """A file with columns of these names after the others; each contains a different number."""
    amounts = ",".join(f"{at}5.00" for at in range(1, len(names) + 1))
    header = ",".join(["Order ID,Order Date,SKU,Quantity", *names])
    return order_file(folder, f"1,2025-11-10,S-1,1,{amounts}", header=header)


def refusal(file: Path, target: Path, profile: str | None = None) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        parse(file, target, profile)
    return refused.value


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (("Sales %", "Sales"), 25),
        (("SALES", "Sales"), 25),
        (("sales", "Sales.", "Sales"), 35),
        (("Sales %", "sales"), 25),
        (("Sales (%)", "Sales ($)"), 25),
    ],
    ids=str,
)
def test_an_exact_name_wins_and_percent_is_another_column(
    tmp_path: Path, names: tuple[str, ...], read: int
) -> None:
    imported = parse(sales(tmp_path, *names), tmp_path / "parsed", profile(tmp_path))
    assert imported.revenue == read


@pytest.mark.parametrize("names", [("Sales", "Sales"), ("SALES", "sales"), ("Sales.", "sales")], ids=str)
def test_a_name_that_fits_two_columns_refuses_the_file(tmp_path: Path, names: tuple[str, str]) -> None:
    refused = refusal(sales(tmp_path, *names), tmp_path / "parsed", profile(tmp_path))
    assert refused.code == "column_ambiguous"
    assert f"{names[0]!r} (column 5) and {names[1]!r} (column 6)" in refused.message


def test_a_column_of_percents_is_never_read_as_an_amount(tmp_path: Path) -> None:
    refused = refusal(sales(tmp_path, "Sales %"), tmp_path / "parsed", profile(tmp_path))
    assert (refused.code, "Sales" in refused.message) == ("column_missing", True)


def test_items_in_repeated_columns_are_not_dropped(tmp_path: Path) -> None:
    again = f"{HEADER},product_sku,quantity,unit_price"
    file = order_file(tmp_path, f"{line()},S-2,1,9.00", header=again)
    assert refusal(file, tmp_path / "parsed").code == "column_ambiguous"


@pytest.mark.parametrize(
    "more",
    ['[skip]\nStatus = ["x"]', '[joined]\ncustomer_id = ["Status", "Order ID"]'],
    ids=["skip", "joined"],
)
def test_other_columns_that_a_profile_names_are_not_ambiguous_either(tmp_path: Path, more: str) -> None:
    file = sales(tmp_path, "Sales", "STATUS", "status")
    assert refusal(file, tmp_path / "parsed", profile(tmp_path, more=more)).code == "column_ambiguous"


def test_columns_that_no_profile_names_may_be_alike(tmp_path: Path) -> None:
    file = sales(tmp_path, "Sales", "Note", "Note", "", "")
    assert parse(file, tmp_path / "parsed", profile(tmp_path)).revenue == 15


def test_skip_that_names_no_column_refuses_the_file(tmp_path: Path) -> None:
    file = sales(tmp_path, "Sales", "Order Status")
    refused = refusal(file, tmp_path / "parsed", profile(tmp_path, more='[skip]\nStatus = ["x"]'))
    assert (refused.code, "Status" in refused.message) == ("column_missing", True)


def test_values_of_skip_that_match_nothing_are_a_warning_with_the_values_seen(tmp_path: Path) -> None:
    header = "Order ID,Order Date,SKU,Quantity,Sales,Status"
    lines = ["1,2025-11-10,S-1,1,5.00,Paid", "2,2025-11-10,S-1,1,5.00,canceled", "3,2025-11-10,S-1,1,5.00,"]
    file = order_file(tmp_path, *lines, header=header)
    skip = '[skip]\nStatus = ["CANCELED", "Refunded", "Void"]'
    parsed = parse(file, tmp_path / "parsed", profile(tmp_path, more=skip)).parsed
    [warning] = parsed.warnings
    assert (warning.code, warning.count) == ("skip_matches_nothing", 2)
    assert "no line has 'Refunded' or 'Void'" in warning.message
    assert "Its values are 'Paid', 'canceled'." in warning.message
    assert parsed.rejects_by_code == {"status_skipped": 1}


def test_skip_works_by_a_column_of_the_second_file(tmp_path: Path) -> None:
    items = order_file(
        tmp_path,
        "1,S-1,1,5.00",
        "2,S-1,1,7.00",
        header="Order ID,SKU,Quantity,Sales",
        name="items.csv",
    )
    order_file(
        tmp_path,
        "1,2025-11-10,cancelled",
        "2,2025-11-10,paid",
        header="Order ID,Order Date,Status",
        name="heads.csv",
    )
    profile = """
[columns]
order_number = "Order ID"
sku = "SKU"
quantity = "Quantity"
line_total = "Sales"
[skip]
Status = ["cancelled"]
[companion]
file = "heads.csv"
[companion.columns]
order_number = "Order ID"
ordered_at = "Order Date"
"""
    shop = tmp_path / "shop.toml"
    shop.write_text(profile, encoding="utf-8")
    imported = parse(items, tmp_path / "parsed", str(shop))
    assert (imported.revenue, imported.parsed.rejects_by_code) == (7, {"status_skipped": 1})
    shop.write_text(profile.replace("Status =", "State ="), encoding="utf-8")
    assert refusal(items, tmp_path / "parsed", str(shop)).code == "column_missing"


def test_punctuation_alone_is_no_name() -> None:
    assert places_of("#", ("", "-", "#")) == [2]
    assert places_of("?", ("", "-", "#")) == []
