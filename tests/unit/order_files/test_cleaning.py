"""Values that only look like text: placeholders for nothing, formulas, invisible characters, damaged ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import parse

WORDS = ["NULL", "null", r"\N", "N/A", "<NA>", "nan", "NaN", "None", "-", " NULL ", "NULL   ", "#N/A"]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_a_missing_value_is_blank(tmp_path: Path, word: str) -> None:
    file = order_file(
        tmp_path,
        f"1,{word},{word},S-1,{word},1,2.50,{word},2025-11-10",
        line("2", sku=word),
        line(word),
        line("4", quantity=word),
        line("5", price=word),
        line("6", date=word),
    )
    imported = parse(file, tmp_path / "parsed")
    [order] = imported.orders.to_dicts()
    assert (order["number"], order["customer_id"], order["customer_name"]) == ("1", None, None)
    assert (order["currency"], imported.lines["product_name"].to_list()) == ("USD", [None])
    missing = ["sku", "order_number", "quantity", "price", "date"]
    assert imported.codes() == [f"{what}_missing" for what in missing]


def test_a_word_that_the_profile_names_is_a_value(tmp_path: Path) -> None:
    shop = tmp_path / "shop.toml"
    shop.write_text(
        """
[columns]
order_number = "order_id"
customer_id = "customer_id"
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
ordered_at = "order_date"
[values.customer_id]
"None" = "walk-in"
""",
        encoding="utf-8",
    )
    file = order_file(tmp_path, line("1", customer="None"), line("2", customer="NULL"))
    assert parse(file, tmp_path / "parsed", str(shop)).orders["customer_id"].to_list() == ["walk-in", None]


def test_a_skipped_status_is_not_a_word_for_nothing(tmp_path: Path) -> None:
    header = "Name,Email,Lineitem name,Lineitem sku,Lineitem quantity,Lineitem price,Currency,Created at"
    file = order_file(
        tmp_path,
        "#1,a@x.com,Mug,M,1,5.00,USD,2025-11-10 10:00:00 +0100,NULL,paid",
        "#1,NULL,Cup,C,1,5.00,nan,N/A,-,None",
        "#2,a@x.com,Mug,M,1,5.00,USD,2025-11-10 10:00:00 +0100,2025-11-11,paid",
        header=f"{header},Cancelled at,Financial Status",
    )
    imported = parse(file, tmp_path / "parsed", "shopify")
    assert (imported.revenue, imported.parsed.rejects_by_code) == (10, {"status_skipped": 1})


@pytest.mark.parametrize("written", ['"=""{}"""', '="{}"', '" =""{}"" "'])
def test_a_formula_that_stands_for_text_is_the_text(tmp_path: Path, written: str) -> None:
    cells = [written.format(text) for text in ("00123", "501", "Ann", "00012", "Mug", "2", "10.50")]
    file = order_file(tmp_path, ",".join([*cells, "USD", "2025-11-10"]), line("00123", customer="501"))
    imported = parse(file, tmp_path / "parsed")
    [order] = imported.orders.to_dicts()
    assert (order["number"], order["customer_id"], order["total"]) == ("00123", "501", 2350)
    assert imported.lines["sku"].to_list() == ["00012", "S-1"]


def test_invisible_characters_are_no_part_of_ids_and_headers(tmp_path: Path) -> None:
    file = order_file(
        tmp_path,
        line("3\u200b", sku="\ufeffS-1", customer="7\u2060"),
        line("3", sku="S\u00ad-1\u200d", quantity="2\u200e", price="\u200b2.50", date="2025-11-10\u200b"),
        header=HEADER.replace("order_id", "\u200border_id").replace("quantity", "quantity\u200b"),
    )
    imported = parse(file, tmp_path / "parsed")
    [order] = imported.orders.to_dicts()
    assert (order["number"], order["customer_id"], order["total"]) == ("3", "7", 750)
    assert imported.lines["sku"].to_list() == ["S-1", "S-1"]


def test_names_keep_what_joins_letters_and_emoji(tmp_path: Path) -> None:
    name = "👩\u200d🍳 \u0645\u06cc\u200c\u062e"
    file = order_file(tmp_path, line().replace("Mug", f"\u200b{name}"))
    assert parse(file, tmp_path / "parsed").lines["product_name"].to_list() == [name]


@pytest.mark.parametrize("number", ["1E+12", "2.5e+11", "4,5E+11", "1.5e+18", "-1.E+12"])
def test_a_damaged_id_names_no_order_product_or_customer(tmp_path: Path, number: str) -> None:
    quoted = f'"{number}"'
    file = order_file(tmp_path, line(quoted), line("2", sku=quoted), line("3", customer=quoted), line("4"))
    imported = parse(file, tmp_path / "parsed")
    assert imported.codes() == ["order_number_damaged", "sku_damaged"]
    assert imported.orders["customer_id"].to_list() == [None, "7"]
    [warning] = imported.parsed.warnings
    assert (warning.code, warning.count) == ("customer_damaged", 1)


@pytest.mark.parametrize("number", ["12E5", "1E12", "E+12", "1E+", "SKU1E+12", "1+E12"])
def test_an_id_with_letters_and_digits_is_not_damaged(tmp_path: Path, number: str) -> None:
    file = order_file(tmp_path, line(number, sku=number, customer=number))
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders["customer_id"].to_list() == [number]
    assert imported.parsed.warnings == ()


def test_the_characters_are_found_wherever_they_begin(tmp_path: Path) -> None:
    """A file of several chunks in which the last line is the first one that needs cleaning."""
    lines = [line(str(number)) for number in range(90_000)]
    odd = [line('"=""A"""'), line("B\u200b"), line("C", sku="1E+12")]
    imported = parse(order_file(tmp_path, *lines, *odd), tmp_path / "parsed")
    assert imported.codes() == ["sku_damaged"]
    assert set(imported.orders["number"].tail(2)) == {"A", "B"}
