"""Returns in order files: which orders are returns, and how they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from orders_pipeline.base.refusals import FileRefused
from tests.unit.order_files.files import line, order_file
from tests.unit.order_files.parsing import RULES, Imported, parse

COLUMNS = """
optional = ["customer_id"]
[columns]
order_number = "order_id"
customer_id = "customer_id"
sku = "product_sku"
quantity = "quantity"
ordered_at = "order_date"
"""
BY_UNIT, BY_LINE = (COLUMNS + f'{field} = "unit_price"\n' for field in ("unit_price", "line_total"))


def shop(folder: Path, more: str, columns: str = BY_UNIT) -> str:
    file = folder / "shop.toml"
    file.write_text(columns + more, encoding="utf-8")
    return str(file)


def returns(folder: Path) -> dict[str, int]:
    """Totals of the returns that were read, in minor units, by number."""
    files = sorted(folder.glob("returns-*.orders.parquet"))
    tables = [pl.read_parquet(file).select("number", "total") for file in files]
    return dict(pl.concat(tables).iter_rows()) if tables else {}


def totals(imported: Imported) -> dict[str, int]:
    return dict(imported.orders.select("number", "total").iter_rows())


def mixed(folder: Path) -> Path:
    return order_file(
        folder,
        line("1", price="5.00"),
        line("R1", quantity="-2", price="1.25"),
        line("R1", quantity="-1", price="0.50"),
        line("2", quantity="-1"),
        line("R2", quantity="3"),
        line("R2", quantity="-3"),
    )


@pytest.mark.parametrize(
    ("rules", "taken", "rejected"),
    [
        ('number = "R*"', {"R1": 300}, ["quantity_not_positive", "return_not_negative", "order_rejected"]),
        ('number = "R?"', {"R1": 300}, ["quantity_not_positive", "return_not_negative", "order_rejected"]),
        ('number = "r*"', {}, ["quantity_not_positive"] * 4 + ["order_rejected"]),
        ('quantity = "negative"', {"R1": 300, "2": 250}, ["order_rejected", "quantity_not_positive"]),
        ('number = "R2"\nquantity = "positive"', {}, ["quantity_not_positive"] * 4 + ["order_rejected"]),
    ],
)
def test_the_profile_tells_which_orders_are_returns(
    tmp_path: Path, rules: str, taken: dict[str, int], rejected: list[str]
) -> None:
    profile = shop(tmp_path, f"[returns]\ntake = true\n{rules}\n")
    imported = parse(mixed(tmp_path), tmp_path / "parsed", profile)
    assert (returns(tmp_path / "parsed"), totals(imported)) == (taken, {"1": 500})
    assert sorted(imported.codes()) == sorted(rejected)
    assert imported.parsed.returns == len(taken)


def test_returns_with_positive_quantities_are_known_by_their_numbers(tmp_path: Path) -> None:
    profile = shop(tmp_path, '[returns]\ntake = true\nnumber = "R*"\nquantity = "positive"\n')
    file = order_file(tmp_path, line("1", price="5.00"), line("R1", quantity="2", price="5.00"))
    assert totals(parse(file, tmp_path / "parsed", profile)) == {"1": 500}
    assert returns(tmp_path / "parsed") == {"R1": 1000}


@pytest.mark.parametrize("total", ["-9.00", "9.00"])
def test_the_line_totals_of_returns_may_have_either_sign(tmp_path: Path, total: str) -> None:
    profile = shop(tmp_path, '[returns]\ntake = true\nnumber = "R*"\n', BY_LINE)
    parse(order_file(tmp_path, line("R1", quantity="-2", price=total)), tmp_path / "parsed", profile)
    assert returns(tmp_path / "parsed") == {"R1": 900}


@pytest.mark.parametrize(
    ("in_profile", "option", "taken"),
    [
        ("", None, 0),
        ("", "take", 1),
        ("", "reject", 0),
        ("take = true", None, 1),
        ("take = true", "reject", 0),
    ],
)
def test_the_option_overrides_the_profile(
    tmp_path: Path, in_profile: str, option: str | None, taken: int
) -> None:
    profile = shop(tmp_path, f'[returns]\nnumber = "R*"\n{in_profile}\n')
    file = order_file(tmp_path, line("R1", quantity="-1"))
    imported = parse(file, tmp_path / "parsed", profile, returns=option)
    assert imported.parsed.returns == taken
    assert imported.codes() == ([] if taken else ["quantity_not_positive"])


def test_a_return_is_checked_like_an_order(tmp_path: Path) -> None:
    profile = shop(tmp_path, '[returns]\ntake = true\nnumber = "R*"\n')
    file = order_file(
        tmp_path,
        line("R1", quantity="-1", price="0"),
        line("R2", quantity="-1", customer="1"),
        line("R2", quantity="-1", customer="2"),
        line("R3", quantity="-1", sku=""),
        line("R3", quantity="-1"),
    )
    imported = parse(file, tmp_path / "parsed", profile)
    assert imported.codes() == [
        "price_not_positive",
        "order_number_reused",
        "order_number_reused",
        "sku_missing",
        "order_rejected",
    ]
    assert (returns(tmp_path / "parsed"), imported.parsed.records) == ({}, 5)


def test_leaving_returned_lines_out_keeps_returns(tmp_path: Path) -> None:
    profile = shop(tmp_path, '[returns]\ntake = true\nnumber = "R*"\n')
    file = order_file(
        tmp_path,
        line("1"),
        line("1", sku="BACK", quantity="-1"),
        line("R1", quantity="-1"),
        line("R2", sku="X"),
    )
    imported = parse(file, tmp_path / "parsed", profile, leave_out="returned")
    assert (imported.parsed.left_out_lines, imported.parsed.returns) == (1, 1)
    assert imported.codes() == ["return_not_negative"]


def test_a_large_file_divides_its_returns_among_its_batches(tmp_path: Path) -> None:
    profile = shop(tmp_path, '[returns]\ntake = true\nnumber = "R*"\n')
    lines = [
        line(f"{kind}{at}", quantity=sign) for at in range(200) for kind, sign in (("", "1"), ("R", "-1"))
    ]
    imported = parse(
        order_file(tmp_path, *lines), tmp_path / "parsed", profile, replace(RULES, batch_lines=50)
    )
    assert len(imported.parsed.batches) > 1
    assert len(returns(tmp_path / "parsed")) == imported.parsed.returns == imported.orders.height == 200


def test_returns_need_a_profile_that_knows_them(tmp_path: Path) -> None:
    file = order_file(tmp_path, line("R1", quantity="-1"))
    with pytest.raises(FileRefused, match="does not say which orders are returns"):
        parse(file, tmp_path / "parsed", returns="take")
    with pytest.raises(FileRefused, match="'keep' is not valid"):
        parse(file, tmp_path / "parsed", returns="keep")


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ('quantity = "positive"\n', "need `number`"),
        ('number = "R*"\n[amounts]\nshipping = "shipping"\n', "are not supported"),
    ],
)
def test_a_profile_whose_returns_cannot_be_read_is_refused(tmp_path: Path, rules: str, problem: str) -> None:
    file = order_file(tmp_path, line("1"))
    with pytest.raises(FileRefused, match=problem):
        parse(file, tmp_path / "parsed", shop(tmp_path, f"[returns]\n{rules}"))
