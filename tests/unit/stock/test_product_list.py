"""The product list as a file: what is read, and what is refused, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.stock.product_list import ProductRow, read_products

HEADER = "sku,name,price,stock_quantity"


def read(folder: Path, content: bytes | str) -> list[ProductRow]:
    file = folder / "products.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_products(file)


def test_the_seven_products_of_the_project_are_read() -> None:
    products = read_products(PROJECT_ROOT / "data" / "products.csv")
    assert len(products) == 7
    assert products[0] == ProductRow("SKU-001", "Wireless Mouse", 255_000, 1000)
    assert sum(product.stock for product in products) == 4_650


def test_the_project_has_the_list_that_the_samples_came_with(datasets: Path) -> None:
    ours, theirs = PROJECT_ROOT / "data" / "products.csv", datasets / "seed" / "products.csv"
    assert ours.read_bytes() == theirs.read_bytes()


def test_columns_may_be_in_any_order_among_others(tmp_path: Path) -> None:
    content = '\ufeffstock_quantity,colour,name,sku,price\n5,red,"Mouse, wireless", M ,1.2345\n'
    assert read(tmp_path, content) == [ProductRow("M", "Mouse, wireless", 12_345, 5)]


def test_a_category_is_optional(tmp_path: Path) -> None:
    content = f"{HEADER},category\nM,Mouse,1,5, Input devices \nL,Lamp,1,5,\nA,Adapter,1,5\n"
    assert [row.category for row in read(tmp_path, content)] == ["Input devices", "", ""]
    assert read(tmp_path, f"{HEADER}\nM,Mouse,1,5\n")[0].category is None


BAD_LINES = {
    "no price": "M,Mouse,,5",
    "a price in words": "M,Mouse,ten,5",
    "a negative price": "M,Mouse,-1,5",
    "too many decimals": "M,Mouse,1.23456,5",
    "no number": "M,Mouse,NaN,5",
    "an infinite price": "M,Mouse,inf,5",
    "a price beyond all bounds": "M,Mouse,1e30,5",
    "a price beyond all exponents": "M,Mouse,1e999999,5",
    "no stock": "M,Mouse,1,",
    "a ten-thousandth of a unit": "M,Mouse,1,0.0001",
    "a negative stock": "M,Mouse,1,-1",
    "too much stock": "M,Mouse,1,9999999999999",
    "no SKU": " ,Mouse,1,5",
    "too few fields": "M",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(FileRefused, match=r"products\.csv has .* on line 3"):
        read(tmp_path, f"{HEADER}\nA,Adapter,1,1\n{line}\n")


def test_a_short_line_is_refused_wherever_the_name_stands(tmp_path: Path) -> None:
    assert read(tmp_path, "sku,price,stock_quantity,name\nM,1,5\n") == [ProductRow("M", "", 10_000, 5)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no column 'sku'"),
        ("sku,name,price\nM,Mouse,1\n", "has no column 'stock_quantity'"),
        (b"\xff\xfe\x00", "cannot be read"),
        (f'{HEADER}\n"M,Mouse,1,5\n', "cannot be read"),
    ],
)
def test_another_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes | str, message: str) -> None:
    with pytest.raises(FileRefused, match=message):
        read(tmp_path, content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"nowhere\.csv cannot be read: No such file"):
        read_products(tmp_path / "nowhere.csv")
    with pytest.raises(FileRefused, match="cannot be read: Is a directory"):
        read_products(tmp_path)
