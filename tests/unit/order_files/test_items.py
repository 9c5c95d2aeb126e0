"""Items of an order in one record: packed texts, JSON, numbered and repeated columns, short lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import parse_profile
from tests.unit.order_files.datasets import shared
from tests.unit.order_files.parsing import Imported, parse

ORDER_COLUMNS = """
[columns]
order_number = "order_id"
customer_id = "customer_id"
ordered_at = "order_date"
"""
REPEATED = """
[items]
format = "columns"
[items.fields]
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
"""
NUMBERED = """
[items]
format = "columns"
[items.fields]
sku = "Item {n} SKU"
quantity = "Item {n} Qty"
unit_price = "Item {n} Price"
"""
IN_JSON = """
[items]
format = "json"
columns = "items"
[items.fields]
sku = "product"
quantity = "qty"
unit_price = "price"
"""
SHORT = """
[items]
format = "list"
columns = "items"
[items.fields]
sku = "1"
quantity = "2"
unit_price = "3"
"""
TOTAL = """
[amounts]
total = "total"
"""


def imported(
    folder: Path, items: str, *lines: str, name: str = "orders.csv", decimal: str | None = None
) -> Imported:
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return parse(file, folder / "parsed", profile(folder, items), decimal=decimal)


def profile(folder: Path, items: str) -> str:
    path = folder / "own.toml"
    path.write_text(ORDER_COLUMNS + items)
    return str(path)


def orders(found: Imported) -> list[tuple[object, ...]]:
    return found.orders.select("number", "total", "lines").rows()


def rejects(found: Imported) -> list[tuple[object, ...]]:
    return sorted(found.rejects.select("order_number", "code", "column").rows(), key=str)


def test_repeated_columns_are_items(tmp_path: Path) -> None:
    file = shared("cases/items_in_repeated_columns.csv")
    found = parse(file, tmp_path / "parsed", profile(tmp_path, REPEATED))
    assert orders(found) == [("1001", 4500, 2), ("1002", 500, 1), ("1003", 3000, 2)]
    assert found.parsed.records == 5


def test_repeated_columns_without_such_a_profile_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        parse(shared("cases/items_in_repeated_columns.csv"), tmp_path / "parsed")
    assert refused.value.code == "column_ambiguous"


NUMBERED_HEADER = (
    "order_id,customer_id,order_date,Item 1 SKU,Item 1 Qty,Item 1 Price,item 02 sku,Item 2 Qty,Item 2 Price"
)


def test_numbered_columns_are_items(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        NUMBERED,
        NUMBERED_HEADER,
        "1,C,2025-11-10,A,2,1.50,B,1,4.00",
        "2,C,2025-11-10,A,1,1.50,,0,0.00",
        "3,C,2025-11-10,,,,B,1,4.00",
    )
    assert orders(found) == [("1", 700, 2), ("2", 150, 1), ("3", 400, 1)]
    assert found.lines["sku"].to_list() == ["A", "B", "A", "B"]


def test_a_broken_value_names_its_column_and_item(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        NUMBERED,
        NUMBERED_HEADER,
        "1,C,2025-11-10,A,2,1.50,B,two,4.00",
        "2,C,2025-11-10,,,,,,",
    )
    assert rejects(found) == [
        ("1", "order_rejected", "order_id"),
        ("1", "quantity_unreadable", "Item 2 Qty"),
        ("2", "sku_missing", "Item 1 SKU"),
    ]


@pytest.mark.parametrize(
    ("items", "header", "missing"),
    [
        (NUMBERED, NUMBERED_HEADER.replace(",Item 2 Qty", ",x"), "Item 2 Qty"),
        (
            REPEATED,
            "order_id,customer_id,order_date,product_sku,quantity,unit_price,product_sku",
            "quantity of item 2",
        ),
    ],
)
def test_an_item_without_a_column_refuses_the_file(
    tmp_path: Path, items: str, header: str, missing: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        imported(tmp_path, items, header, "1,C,2025-11-10,A,1,1,1,1,1")
    assert refused.value.code == "column_missing"
    assert missing in refused.value.message


def test_items_in_json_owe_what_the_file_states(tmp_path: Path) -> None:
    found = parse(shared("cases/json_items.csv"), tmp_path / "parsed", profile(tmp_path, IN_JSON + TOTAL))
    assert orders(found) == [("J-1", 119898, 2), ("J-2", 4999, 1)]
    assert {row[:2] for row in rejects(found)} == {("J-3", "total_disagrees")}
    tolerant = profile(tmp_path, IN_JSON + TOTAL + "tolerance = 1\n")
    assert (
        parse(shared("cases/json_items.csv"), tmp_path / "parsed", tolerant).orders["total"].sum() == 128896
    )


JSON_HEADER = "order_id;customer_id;order_date;items"


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ('[{"product":"A","qty":1,"price":2},{"product":"B","qty":1}]', "item 2 has no key 'price'"),
        ('[{"product":"A","qty":1,"price":2},5]', "item 2: it is not an object"),
        ('[{"product":"A","qty":1,"qty":2,"price":2}]', "item 1: an object in it contains a key twice"),
        ("[{'product':'A'}]", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_item_in_json_rejects_its_order_with_item_and_key(
    tmp_path: Path, items: str, reason: str
) -> None:
    good = '[{"product":"A","qty":1,"price":2}]'
    lines = (f"1;C;2025-11-10;{good}", f"2;C;2025-11-10;{items}", f"2;C;2025-11-10;{good}")
    found = imported(tmp_path, IN_JSON, JSON_HEADER, *lines)
    assert orders(found) == [("1", 200, 1)]
    assert found.codes() == ["item_broken", "order_rejected"]
    assert reason in found.rejects["message"][0]


def test_a_bad_value_in_json_names_item_and_key(tmp_path: Path) -> None:
    items = '[{"product":"A","qty":1,"price":2},{"product":"B","qty":"two","price":2}]'
    found = imported(tmp_path, IN_JSON, JSON_HEADER, f"1;C;2025-11-10;{items}")
    assert ("1", "quantity_unreadable", "items: qty of item 2") in rejects(found)


def test_one_object_and_nested_keys_are_items_too(tmp_path: Path) -> None:
    nested = IN_JSON.replace('"product"', '"product.sku"')
    lines = [
        '1;C;2025-11-10;{"product":{"sku":"A"},"qty":2,"price":0.30000000000000004}',
        "2;C;2025-11-10;[]",
    ]
    found = imported(tmp_path, nested, JSON_HEADER, *lines)
    assert orders(found) == [("1", 60, 1)]
    assert rejects(found) == [("2", "sku_missing", "items: product.sku")]


def test_numbers_in_json_are_not_read_with_the_decimal_separator_of_the_file(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        IN_JSON,
        JSON_HEADER,
        '1;C;2025-11-10;[{"product":"A","qty":1,"price":12.345}]',
        '2;C;2025-11-10;[{"product":"A","qty":1,"price":"12,34"}]',
        decimal=",",
    )
    assert found.lines["total"].to_list() == [123_450, 123_400]


def test_items_of_json_lines_are_read_where_they_stand(tmp_path: Path) -> None:
    line = '{"order_id":"1","customer_id":"C","order_date":"2025-11-10","items":[%s]}'
    item = '{"product":"A, \\"x\\"","qty":1,"price":2.50}'
    found = imported(
        tmp_path, IN_JSON, line % f"{item},{item}", line.replace('"1"', '"2"') % "", name="o.jsonl"
    )
    assert orders(found) == [("1", 500, 2)]
    assert found.codes() == ["sku_missing"]


def test_short_lists_are_items(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        SHORT,
        JSON_HEADER,
        "1;C;2025-11-10;A:2:1.50, B:1:4",
        "2;C;2025-11-10;A:2",
        "3;C;2025-11-10;A:1:1:1",
    )
    assert orders(found) == [("1", 700, 2)]
    assert found.codes() == ["item_broken", "item_broken"]
    assert "item 1 is 'A:2' instead of sku:quantity:unit_price" in found.rejects["message"][0]


@pytest.mark.parametrize(
    "items",
    [
        IN_JSON.replace('columns = "items"', ""),
        NUMBERED.replace('format = "columns"', 'format = "columns"\ncolumns = "x"'),
        SHORT.replace('"3"', '"4"'),
        SHORT.replace('"3"', '"price"'),
    ],
)
def test_a_profile_whose_items_make_no_sense_is_refused(items: str) -> None:
    with pytest.raises(FileRefused) as refused:
        parse_profile(ORDER_COLUMNS + items, "own.toml")
    assert refused.value.code == "profile_invalid"


DISCOUNTED = IN_JSON + 'line_discount = "off"\n'


def test_items_state_their_discounts(tmp_path: Path) -> None:
    lines = (
        "order_id;customer_id;order_date;items;total",
        '1;c;2026-03-01;[{"product":"A","qty":2,"price":10,"off":3}];17.00',
        '2;c;2026-03-01;[{"product":"A","qty":1,"price":10},{"product":"B","qty":1,"price":5,"off":"5"}];10',
        '3;c;2026-03-01;[{"product":"A","qty":1,"price":10,"off":"x"}];10.00',
    )
    for amounts in ("", TOTAL):
        taken = imported(tmp_path, DISCOUNTED + amounts, *lines)
        assert dict(taken.orders.select("number", "total").iter_rows()) == {"1": 1700, "2": 1000}
        assert taken.lines["discount"].to_list() == [30_000, 0, 50_000]
        assert taken.parsed.rejects_by_code == {"amount_unreadable": 1}


def test_discounts_of_items_and_of_orders_must_say_how_they_go_together() -> None:
    profile = ORDER_COLUMNS + DISCOUNTED + '[amounts]\ndiscount = "coupon"\n'
    with pytest.raises(FileRefused, match="say line_level"):
        parse_profile(profile, "shop.toml")
    parse_profile(profile + 'line_level = "add"\n', "shop.toml")
