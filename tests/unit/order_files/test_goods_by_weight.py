"""Goods by weight: quantities with decimals, and exact order totals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given

from orders_pipeline.base.refusals import FileRefused
from tests.sweeps import examples
from tests.unit.order_files.datasets import shared
from tests.unit.order_files.parsing import Imported, parse

PROFILE = """
[columns]
order_number = "order_id"
sku = "product_sku"
quantity = "quantity"
{price} = "unit_price"
ordered_at = "order_date"
"""
BY_WEIGHT = PROFILE.format(price="unit_price") + "[quantity]\ndecimals = 3\n"
HEADER = "order_id,product_sku,quantity,unit_price,currency,order_date"


def weighed(
    folder: Path, *lines: tuple[str, str, str], profile: str = BY_WEIGHT, currency: str = "USD"
) -> Imported:
    """Parses lines of order number, quantity and price."""
    (folder / "scales.toml").write_text(profile + f'[constants]\ncurrency = "{currency}"\n')
    rows = [
        f'{order},S{at},"{count}","{price}",,2026-03-01' for at, (order, count, price) in enumerate(lines)
    ]
    file = folder / "weights.csv"
    file.write_text("\n".join([HEADER, *rows, ""]))
    return parse(file, folder / "parsed", str(folder / "scales.toml"))


def totals(taken: Imported) -> dict[str, int]:
    return dict(taken.orders.select("number", "total").iter_rows())


def test_decimals_are_taken_where_the_profile_says_so(tmp_path: Path) -> None:
    (tmp_path / "scales.toml").write_text(BY_WEIGHT)
    file = shared("cases/weight_goods.csv")
    taken = parse(file, tmp_path / "parsed", str(tmp_path / "scales.toml"))
    assert totals(taken) == {"1": 209, "2": 498}
    assert taken.lines["quantity"].to_list() == [Decimal("0.5"), Decimal(1), Decimal("1.25")]
    assert taken.parsed.rejects_by_code == {}


def test_without_the_profiles_word_a_weight_is_rejected(tmp_path: Path) -> None:
    taken = parse(shared("cases/weight_goods.csv"), tmp_path / "parsed")
    assert taken.orders.height == 0
    assert taken.parsed.rejects_by_code == {"quantity_not_whole": 2}
    assert "[quantity]" in taken.rejects["hint"][0]


def test_more_decimals_than_the_profile_allows_are_rejected(tmp_path: Path) -> None:
    taken = weighed(tmp_path, ("1", "0.25", "1.00"), ("2", "0.2501", "1.00"), ("3", "0.00001", "1.00"))
    assert totals(taken) == {"1": 25}
    assert taken.parsed.rejects_by_code == {"quantity_too_precise": 2}


def test_the_prices_say_how_open_quantities_are_read(tmp_path: Path) -> None:
    assert totals(weighed(tmp_path, ("1", "1.250", "3.98"))) == {"1": 498}
    assert totals(weighed(tmp_path, ("1", "1,250", "3,98"))) == {"1": 498}
    assert totals(weighed(tmp_path, ("1", "1,250", "3.98"))) == {"1": 497_500}
    with pytest.raises(FileRefused, match=r"quantity, such as 1\.250"):
        weighed(tmp_path, ("1", "1.250", "3"))


def test_a_stated_line_total_is_the_price_of_the_weight(tmp_path: Path) -> None:
    profile = PROFILE.format(price="line_total") + "[quantity]\ndecimals = 2\n"
    assert totals(weighed(tmp_path, ("1", "0.33", "1.31"), profile=profile)) == {"1": 131}


def test_the_limits_hold(tmp_path: Path) -> None:
    taken = weighed(
        tmp_path,
        ("large", "999999999.999", "9999999999"),
        ("small", "0.001", "0.05"),
        ("too many", "1000000000.001", "0.01"),
        ("fits", "1000.001", "9990000"),
    )
    assert totals(taken) == {"fits": 999_000_999_000}
    assert taken.parsed.rejects_by_code == {
        "price_too_large": 1,
        "price_too_small": 1,
        "quantity_too_large": 1,
    }


weights = st.integers(1, 3_000).map(lambda n: Decimal(n).scaleb(-3))
prices = st.integers(1, 300_000).map(lambda n: Decimal(n).scaleb(-4))


@examples(40)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), weights, prices), min_size=1, max_size=8),
    st.sampled_from([("JPY", 0), ("USD", 2), ("KWD", 3), ("CLF", 4)]),
)
def test_an_order_owes_its_exact_sum_rounded_once(
    lines: list[tuple[str, Decimal, Decimal]], currency: tuple[str, int]
) -> None:
    code, digits = currency
    exact: dict[str, Decimal] = {}
    for order, weight, price in lines:
        exact[order] = exact.get(order, Decimal(0)) + weight * price
    owed = {
        order: int(total.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP).scaleb(digits))
        for order, total in exact.items()
    }
    written = [(order, f"{weight:f}", f"{price:.4f}") for order, weight, price in lines]
    with TemporaryDirectory() as folder:
        taken = weighed(Path(folder), *written, ("decides", "0.5", "1"), currency=code)
    refused = {order for order, total in owed.items() if not total} | {
        order for order, weight, price in lines if weight * price < Decimal("0.0001")
    }
    found = {order: total for order, total in totals(taken).items() if order != "decides"}
    assert found == {order: total for order, total in owed.items() if order not in refused}
    sums = taken.lines.join(taken.orders.select("position", "number"), on="position")
    assert (sums["total"] > 0).all()
