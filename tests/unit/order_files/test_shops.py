"""Profiles of shop platforms: each order of a file of the platform's shape owes what that file states."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.order_files.datasets import shared
from tests.unit.order_files.parsing import Imported, parse

SHOPS = Path(__file__).with_name("shops")
Row = dict[str, str]


def amount(text: str) -> Decimal:
    """Reads an amount of a sample file, such as `-$1,234.50`; blank is zero."""
    digits = "".join(character for character in text if character in "0123456789.-")
    return Decimal(digits or "0")


def summed(rows: list[Row], *columns: str) -> Decimal:
    return sum((amount(row[column]) for row in rows for column in columns), Decimal())


def stated(column: str) -> Callable[[list[Row]], Decimal]:
    """The total that the first line of an order with one states."""
    return lambda rows: next(amount(row[column]) for row in rows if row[column].strip())


def of_amazon(rows: list[Row]) -> Decimal:
    """Amazon states no total: it is the sum of what the lines state, without the VAT that prices contain."""
    total = summed(rows, "item-price", "shipping-price", "gift-wrap-price")
    total -= summed(rows, "item-promotion-discount", "ship-promotion-discount")
    if rows[0]["sales-channel"] == "Amazon.com":
        total += summed(rows, "item-tax", "shipping-tax", "gift-wrap-tax")
    return total


@dataclass(frozen=True)
class Shop:
    """A sample file, and what is right.

    Attributes:
        number: the column with the order number.
        total: what the file says that an order, given by its lines, owes.
        recorded: the numbers of orders that are paid elsewhere.
        charged: the numbers of orders to charge.
        rejects: how many lines are rejected, by code; skipped orders count too.
    """

    file: str
    number: str
    total: Callable[[list[Row]], Decimal]
    recorded: set[str]
    charged: set[str]
    rejects: dict[str, int]
    delimiter: str = ","

    @property
    def profile(self) -> str:
        return self.file.partition(".")[0]

    def stated(self) -> dict[str, Decimal]:
        """The total of each order that is taken, read from the file by other means."""
        with (SHOPS / self.file).open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter=self.delimiter))
        numbers = self.recorded | self.charged
        return {number: self.total([row for row in rows if row[self.number] == number]) for number in numbers}


AMAZON = Shop(
    file="amazon.txt",
    number="amazon-order-id",
    total=of_amazon,
    recorded={"302-0000001-0000001", "026-0000002-0000002", "112-0000003-0000003"},
    charged=set(),
    rejects={"status_skipped": 2, "tax_treatment_unknown": 1},
    delimiter="\t",
)
SQUARESPACE = Shop(
    file="squarespace.csv",
    number="Order ID",
    total=stated("Total"),
    recorded={"00101", "00102", "00105"},
    charged={"00104"},
    rejects={"status_skipped": 2, "total_disagrees": 1},
)
BIGCOMMERCE = Shop(
    file="bigcommerce.csv",
    number="Order ID",
    total=stated("Order Total (inc tax)"),
    recorded={"101", "102"},
    charged={"103"},
    rejects={"status_skipped": 2, "total_disagrees": 1},
)
MAGENTO = Shop(
    file="magento.csv",
    number="Order Number",
    total=stated("Order Grand Total"),
    recorded={"100000101", "100000102"},
    charged={"100000103"},
    rejects={"payment_status_unknown": 1, "status_skipped": 1, "total_disagrees": 1},
)
WOOCOMMERCE_LINES = Shop(
    file="woocommerce_lines.csv",
    number="Order Number",
    total=stated("Order Total Amount"),
    recorded={"2001", "2002"},
    charged={"2003", "2006"},
    rejects={"status_skipped": 1, "total_disagrees": 1},
)
PRESTASHOP = Shop(
    file="prestashop.csv",
    number="id_order",
    total=stated("total_paid"),
    recorded={"31", "32"},
    charged={"33"},
    rejects={"payment_status_unknown": 1, "status_skipped": 1, "total_disagrees": 1},
    delimiter=";",
)
ALL = (AMAZON, BIGCOMMERCE, MAGENTO, PRESTASHOP, SQUARESPACE, WOOCOMMERCE_LINES)


def owed(taken: Imported) -> dict[str, Decimal]:
    return {number: Decimal(total) / 100 for number, total in taken.orders.select("number", "total").rows()}


@pytest.mark.parametrize("shop", ALL, ids=lambda shop: shop.profile)
def test_each_order_of_a_shop_owes_what_its_file_states(shop: Shop, tmp_path: Path) -> None:
    taken = parse(SHOPS / shop.file, tmp_path / "parsed")
    assert taken.identified.profile.name == shop.profile
    assert taken.parsed.rejects_by_code == shop.rejects
    assert owed(taken) == shop.stated()
    paid = dict(taken.orders.select("number", "paid").iter_rows())
    assert {number for number, recorded in paid.items() if recorded is not None} == shop.recorded
    assert {number for number, recorded in paid.items() if recorded is None} == shop.charged


def test_amazon_adds_the_tax_only_where_prices_do_not_contain_it(tmp_path: Path) -> None:
    taken = parse(SHOPS / "amazon.txt", tmp_path / "parsed")
    kinds = taken.orders.select("number", "shipping", "fee", "discount", "tax", "tax_included")
    assert kinds.sort("number").rows() == [
        ("026-0000002-0000002", 0, 0, 0, 0, 50_000),
        ("112-0000003-0000003", 119_800, 40_000, 59_900, 62_700, 0),
        ("302-0000001-0000001", 64_900, 30_000, 49_900, 0, 177_900),
    ]


def test_prices_of_amazon_are_line_totals(tmp_path: Path) -> None:
    taken = parse(shared("cases/draft_price_is_line_total.txt"), tmp_path / "parsed")
    assert taken.identified.profile.name == "amazon"
    assert owed(taken) == {
        "112-9739103-000001": Decimal("79.90"),
        "112-9739103-000002": Decimal("63.99"),
    }
    assert taken.parsed.rejects_by_code == {"status_skipped": 2}
    assert taken.lines["quantity"].to_list() == [1, 2, 1]


def test_cancelled_orders_of_squarespace_are_skipped_and_paid_ones_recorded(tmp_path: Path) -> None:
    taken = parse(shared("cases/draft_takes_cancelled.csv"), tmp_path / "parsed")
    assert taken.identified.profile.name == "squarespace"
    assert owed(taken) == {"1": Decimal("30.00"), "2": Decimal("40.50")}
    assert taken.orders["paid"].to_list() == [3000, 4050]
    assert taken.parsed.rejects_by_code == {"status_skipped": 1}


def test_magento_tells_how_much_of_an_order_is_paid(tmp_path: Path) -> None:
    taken = parse(SHOPS / "magento.csv", tmp_path / "parsed")
    paid = dict(taken.orders.select("number", "paid").iter_rows())
    assert paid == {"100000101": 139317, "100000102": 665, "100000103": None}
    assert taken.orders.filter(number="100000101").select("discount", "shipping", "tax").row(0) == (
        50_000,
        150_000,
        1_032_000,
    )


def test_bigcommerce_packs_the_products_of_an_order_into_one_column(tmp_path: Path) -> None:
    taken = parse(SHOPS / "bigcommerce.csv", tmp_path / "parsed")
    assert taken.lines.sort("record")["sku"].to_list() == ["ELITE-2000", "Charger", "CASE-4", "CHARGER"]
    assert taken.lines.sort("record")["quantity"].to_list() == [20, 1, 4, 1]
    assert taken.orders.sort("number")["customer_id"].to_list() == ["21", None, "22"]
    assert taken.orders.filter(number="103").select("tax", "tax_included").row(0) == (0, 49_800)


def test_lines_of_woocommerce_may_have_order_fields_on_their_first_line_only(tmp_path: Path) -> None:
    taken = parse(SHOPS / "woocommerce_lines.csv", tmp_path / "parsed")
    first = taken.orders.filter(number="2001")
    assert first.select("customer_id", "customer_name", "lines").row(0) == (
        "c2001@shop.test",
        "Ann Sample1",
        2,
    )
    assert taken.orders.filter(number="2002")["rounding"].to_list() == [0]


def test_the_profile_of_each_shop_has_a_section_in_the_documentation() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "shops.md").read_text("utf-8")
    assert [shop.profile for shop in ALL if f"\n`{shop.profile}`. " not in text] == []
