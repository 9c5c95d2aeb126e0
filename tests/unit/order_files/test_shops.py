"""Profiles of shop platforms: each order of an export has the total that the file states."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.unit.order_files.datasets import shared
from tests.unit.order_files.parsing import RULES, Imported, parse

SHOPS = Path(__file__).with_name("shops")
Row = dict[str, str]


def amount(text: str) -> Decimal:
    """Parses an amount of a sample file, such as `-$1,234.50`; a blank is zero."""
    digits = "".join(character for character in text if character in "0123456789.-")
    return Decimal(digits or "0")


def summed(rows: list[Row], *columns: str) -> Decimal:
    return sum((amount(row[column]) for row in rows for column in columns), Decimal())


def stated(column: str) -> Callable[[list[Row]], Decimal]:
    """The total stated on the first line of an order that has one."""
    return lambda rows: next(amount(row[column]) for row in rows if row[column].strip())


def of_amazon(rows: list[Row]) -> Decimal:
    """Amazon states no total: it is the sum of the lines, without the VAT that prices contain."""
    total = summed(rows, "item-price", "shipping-price", "gift-wrap-price")
    total -= summed(rows, "item-promotion-discount", "ship-promotion-discount")
    if rows[0]["sales-channel"] == "Amazon.com":
        total += summed(rows, "item-tax", "shipping-tax", "gift-wrap-tax")
    return total


def of_etsy(rows: list[Row]) -> Decimal:
    """Etsy states totals of lines. Shipping and tax are amounts of the order, discounts those of lines."""
    total = summed(rows, "Item Total") - summed(rows, "Discount Amount")
    return (
        total + summed(rows[:1], "Order Shipping", "Order Sales Tax") - summed(rows[:1], "Shipping Discount")
    )


def of_square(rows: list[Row]) -> Decimal:
    """What was collected for the lines of a payment: net sales and taxes."""
    return summed([row for row in rows if row["Event Type"] == "Payment"], "Net Sales", "Tax")


@dataclass(frozen=True)
class Shop:
    """A sample file, and the expected result.

    Attributes:
        number: the column with the order number.
        total: what the file says that an order, given by its lines, owes.
        recorded: the numbers of orders that are paid elsewhere.
        charged: the numbers of orders to charge.
        rejects: how many lines are rejected, by code; skipped orders count too.
        left_out: how many lines are left out of their orders.
        skip_lines: how many lines stand before the header.
    """

    file: str
    number: str
    total: Callable[[list[Row]], Decimal]
    recorded: set[str]
    charged: set[str]
    rejects: dict[str, int]
    left_out: int = 0
    delimiter: str = ","
    skip_lines: int = 0

    @property
    def profile(self) -> str:
        return self.file.partition(".")[0]

    def stated(self) -> dict[str, Decimal]:
        """The total of each order that is imported, read from the file without the importer."""
        with (SHOPS / self.file).open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(list(lines)[self.skip_lines :], delimiter=self.delimiter))
        numbers = self.recorded | self.charged
        return {number: self.total([row for row in rows if row[self.number] == number]) for number in numbers}


AMAZON = Shop(
    file="amazon.txt",
    number="amazon-order-id",
    total=of_amazon,
    recorded={"302-0000001-0000001", "026-0000002-0000002", "112-0000003-0000003"},
    charged=set(),
    rejects={"status_skipped": 2, "tax_treatment_unknown": 1},
    left_out=1,
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
EBAY = Shop(
    file="ebay.csv",
    number="Order Number",
    total=stated("Total Price"),
    recorded={"11-10000-00001", "11-10000-00002", "11-10000-00003"},
    charged=set(),
    rejects={
        "blank_line": 2,
        "field_count": 2,
        "order_number_missing": 1,
        "payment_status_unknown": 1,
        "total_disagrees": 1,
    },
    left_out=1,
    skip_lines=1,
)
ETSY = Shop(
    file="etsy.csv",
    number="Order ID",
    total=of_etsy,
    recorded={"3000000001", "3000000002", "3000000003"},
    charged=set(),
    rejects={"payment_status_unknown": 1, "subtotal_disagrees": 1},
)
ODOO = Shop(
    file="odoo.csv",
    number="Order Reference",
    total=stated("Total"),
    recorded=set(),
    charged={"S00021", "S00022"},
    rejects={"status_skipped": 2, "total_disagrees": 1},
    left_out=2,
)
SQUARE = Shop(
    file="square.csv",
    number="Transaction ID",
    total=of_square,
    recorded={"TXA1", "TXB2", "TXC3"},
    charged=set(),
    rejects={"total_disagrees": 1},
    left_out=1,
)
ALL = (AMAZON, BIGCOMMERCE, EBAY, ETSY, MAGENTO, ODOO, PRESTASHOP, SQUARE, SQUARESPACE, WOOCOMMERCE_LINES)


def owed(taken: Imported) -> dict[str, Decimal]:
    return {number: Decimal(total) / 100 for number, total in taken.orders.select("number", "total").rows()}


@pytest.mark.parametrize("shop", ALL, ids=lambda shop: shop.profile)
def test_each_order_of_a_shop_has_the_total_that_its_file_states(shop: Shop, tmp_path: Path) -> None:
    taken = parse(SHOPS / shop.file, tmp_path / "parsed")
    assert taken.identified.profile.name == shop.profile
    assert taken.parsed.rejects_by_code == shop.rejects
    assert taken.parsed.left_out_lines == shop.left_out
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


def test_ebay_writes_the_amounts_of_a_combined_order_on_a_line_of_its_own(tmp_path: Path) -> None:
    taken = parse(SHOPS / "ebay.csv", tmp_path / "parsed")
    combined = taken.orders.filter(number="11-10000-00003")
    assert combined.select("total", "lines", "shipping", "tax", "fee").row(0) == (
        132331,
        2,
        50_000,
        863_100,
        40_000,
    )
    assert taken.orders.filter(number="11-10000-00002")["tax"].to_list() == [0]


def test_reports_of_ebay_in_german_have_the_same_columns_by_other_names(tmp_path: Path) -> None:
    file = tmp_path / "ebay.csv"
    file.write_text(
        ";;\n"
        "Verkaufsprotokollnummer;Bestellnummer;Nutzername des Käufers;Name des Käufers;Artikelnummer;"
        "Angebotstitel;Bestandseinheit;Anzahl;Verkauft für;Verpackung und Versand;Gesamtbetrag;Verkauft am;"
        "Zahlungsdatum\n"
        "12;16-14679-61003;kaeufer_1;K. Eins;;;;3;26,00 €;4,90 €;30,90 €;10-Dez-25;10-Dez-25\n"
        "12;16-14679-61003;kaeufer_1;K. Eins;4053588635;Becher;B-1;2;8,00 €;;;10-Dez-25;\n"
        "12;16-14679-61003;kaeufer_1;K. Eins;4053588636;Kanne;;1;10,00 €;;;10-Dez-25;\n",
        encoding="utf-8",
    )
    rules = replace(RULES, currency="EUR")
    taken = parse(file, tmp_path / "parsed", rules=rules)
    assert taken.identified.profile.name == "ebay"
    assert taken.orders.select("number", "customer_id", "total", "paid", "lines").rows() == [
        ("16-14679-61003", "kaeufer_1", 3090, 3090, 2)
    ]
    assert taken.lines.sort("record")["sku"].to_list() == ["B-1", "Kanne"]


def test_only_the_first_line_of_an_order_of_odoo_has_its_number(tmp_path: Path) -> None:
    taken = parse(shared("cases/half_order_blank_number.csv"), tmp_path / "parsed")
    assert taken.identified.profile.name == "odoo"
    assert owed(taken) == {"S00021": Decimal("401.90"), "S00022": Decimal("191.00")}
    assert taken.orders["customer_id"].to_list() == ["Azure Interior", "Deco Addict"]


def test_exports_of_odoo_may_have_the_names_of_its_fields(tmp_path: Path) -> None:
    file = tmp_path / "sale.order.csv"
    file.write_text(
        "name,partner_id,date_order,state,amount_total,order_line/product_id,order_line/product_uom_qty,"
        "order_line/price_unit,order_line/discount\n"
        "S1,Azure,2026-03-02 08:12:00,sale,216.00,Desk,2.0,120.0,10.0\n"
        "S2,Azure,2026-03-02 08:12:00,draft,120.00,Desk,1.0,120.0,0.0\n",
        encoding="utf-8",
    )
    taken = parse(file, tmp_path / "parsed")
    assert taken.identified.profile.name == "odoo"
    assert owed(taken) == {"S1": Decimal("216.00")}
    assert taken.parsed.rejects_by_code == {"status_skipped": 1}


def test_taxes_of_square_are_added_where_prices_do_not_contain_them(tmp_path: Path) -> None:
    taken = parse(SHOPS / "square.csv", tmp_path / "parsed")
    taxes = taken.orders.sort("number").select("number", "tax", "tax_included").rows()
    assert taxes == [("TXA1", 10_300, 0), ("TXB2", 1_109_400, 0), ("TXC3", 0, 4_100)]
    assert "Muffin Regular" in taken.lines["sku"].to_list()


def test_times_of_square_are_those_of_the_column_next_to_them(tmp_path: Path) -> None:
    text = (SHOPS / "square.csv").read_text("utf-8")
    lines = text.replace("12:05:00,Eastern Time (US & Canada)", "23:05:00,Mars").replace(
        "11:40:30,Eastern Time (US & Canada)", "23:40:30,Pacific/Auckland"
    )
    file = tmp_path / "items.csv"
    file.write_text(lines, encoding="utf-8")
    taken = parse(file, tmp_path / "parsed")
    times = taken.orders.select("number", pl.from_epoch("ordered_at", "us").dt.to_string("%d %H:%M"))
    assert dict(times.iter_rows()) == {"TXA1": "05 14:15", "TXB2": "05 10:40"}
    assert taken.parsed.rejects_by_code == {"time_zone_unknown": 1, "total_disagrees": 1}


def test_the_profile_of_each_shop_has_a_section_in_the_documentation() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "shops.md").read_text("utf-8")
    assert [shop.profile for shop in ALL if f"\n`{shop.profile}`. " not in text] == []
