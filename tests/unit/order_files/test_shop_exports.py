"""Exports of real shops: Shopify's multi-line orders, WooCommerce's packed items, Olist's two files."""

from __future__ import annotations

import csv
import shutil
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.proposals.preview import preview_orders
from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.parsing import RULES, parse

SHOPIFY = (
    "Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem sku,Billing Name,Notes,Cancelled at"
)
PAID = "2025-12-06 10:37:30 -0500"


def test_each_order_of_a_development_store_of_shopify_owes_its_stated_total(tmp_path: Path) -> None:
    imported = parse(dataset("shopify/devstore_orders_export.pseudonymised.csv"), tmp_path / "parsed")
    assert imported.identified.profile.name == "shopify"
    assert imported.parsed.records == 121
    assert imported.parsed.rejected_lines == 0
    assert imported.orders.height == 51
    assert imported.orders["currency"].unique().to_list() == ["INR"]
    with dataset("shopify/devstore_orders_export.pseudonymised.csv").open(encoding="utf-8") as lines:
        stated = {row["Name"]: Decimal(row["Total"]) for row in csv.DictReader(lines) if row["Total"]}
    owed = imported.orders.select("number", "total").rows()
    assert {number: Decimal(total) / 100 for number, total in owed} == stated
    assert imported.orders["paid"].eq(imported.orders["total"]).all()


def shopify(tmp_path: Path, *rows: str) -> Path:
    file = tmp_path / "orders_export.csv"
    file.write_text("\n".join([SHOPIFY, *rows]) + "\n")
    return file


def test_order_fields_of_shopify_are_on_the_first_line_and_notes_over_several(tmp_path: Path) -> None:
    file = shopify(
        tmp_path,
        f'#1,a@x.com,paid,INR,{PAID},1,Mug,10.00,M-1,Ann Lee,"Please ring,\ntwice.\n\nThanks",',
        f"#1,a@x.com,,,{PAID},2,Cup,5.00,C-1,,,",
        f"#2,b@x.com,paid,USD,{PAID},1,Gift card,5.00,,Bob,,",
    )
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.select("number", "customer_name", "currency", "total", "first_line").rows() == [
        ("#1", "Ann Lee", "INR", 2000, 2),
        ("#2", "Bob", "USD", 500, 7),
    ]
    assert imported.lines["file_line"].to_list() == [2, 6, 7]
    assert imported.lines["sku"].to_list() == ["M-1", "C-1", "Gift card"]


@pytest.mark.parametrize(
    "row",
    [
        f"#1,a@x.com,paid,USD,{PAID},1,Mug,10.00,M-1,Ann,,2025-12-07 09:00:00 -0500",
        f"#1,a@x.com,voided,USD,{PAID},1,Mug,10.00,M-1,Ann,,",
        f"#1,a@x.com,refunded,USD,{PAID},1,Mug,10.00,M-1,Ann,,",
    ],
)
def test_cancelled_voided_and_refunded_orders_of_shopify_are_skipped_whole(row: str, tmp_path: Path) -> None:
    file = shopify(tmp_path, row, f"#1,a@x.com,,,{PAID},2,Cup,5.00,C-1,,,")
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.height == 0
    assert imported.parsed.rejects_by_code == {"status_skipped": 1}
    assert imported.parsed.lines_of_rejected_orders == 1


def test_partially_refunded_orders_of_shopify_are_taken(tmp_path: Path) -> None:
    file = shopify(tmp_path, f"#1,a@x.com,partially_refunded,USD,{PAID},1,Mug,10.00,M-1,Ann,,")
    assert parse(file, tmp_path / "parsed").orders.height == 1


def test_items_that_woocommerce_packs_into_columns_are_lines(tmp_path: Path) -> None:
    imported = parse(dataset("woocommerce/webtoffee_Sample_Order.csv"), tmp_path / "parsed")
    assert imported.identified.profile.name == "woocommerce"
    assert imported.orders.select("number", "customer_id", "customer_name", "total").rows() == [
        ("1001", "3", "Lilly Gordon", 2242),
        ("1002", None, "John Edward", 3304),
        ("1003", "2", "Mark Xa", 5898),
    ]
    assert imported.lines["sku"].to_list() == ["A12", "A15", "A13", "A11", "B11V2"]
    assert imported.parsed.records == 5
    assert imported.orders["day"].cast(str).unique().to_list() == ["2018-05-16"]


OLIST = ("olist_order_items_dataset.csv", "olist_orders_dataset.csv")


def test_the_two_files_of_olist_make_orders_together(tmp_path: Path) -> None:
    imported = parse(dataset(f"olist/{OLIST[0]}"), tmp_path / "parsed")
    assert imported.identified.profile.name == "olist"
    assert imported.parsed.records == 3397
    assert imported.parsed.rejected_lines == 0
    assert imported.orders.height == 2976
    assert imported.revenue == Decimal("392468.58")
    assert imported.lines["quantity"].unique().to_list() == [1]
    assert imported.orders["customer_id"].null_count() == 0


def test_both_files_of_olist_may_lie_in_one_archive(tmp_path: Path) -> None:
    file = tmp_path / "olist.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in OLIST:
            archive.write(dataset(f"olist/{name}"), name)
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.height == 2976
    assert imported.revenue == Decimal("392468.58")


def test_an_item_without_its_order_is_rejected(tmp_path: Path) -> None:
    shutil.copy(dataset(f"olist/{OLIST[0]}"), tmp_path)
    orders = dataset(f"olist/{OLIST[1]}").read_text().splitlines(keepends=True)
    (tmp_path / OLIST[1]).write_text("".join(orders[:1001]) + orders[1])
    imported = parse(tmp_path / OLIST[0], tmp_path / "parsed")
    assert set(imported.parsed.rejects_by_code) == {"order_unknown", "order_twice"}
    known = {line.split(",")[0].strip('"') for line in orders[1:1001]}
    assert set(imported.orders["number"]) <= known


def test_items_without_the_file_of_orders_are_refused(tmp_path: Path) -> None:
    shutil.copy(dataset(f"olist/{OLIST[0]}"), tmp_path)
    with pytest.raises(FileRefused) as refused:
        parse(tmp_path / OLIST[0], tmp_path / "parsed")
    assert refused.value.code == "companion_missing"
    given = parse(tmp_path / OLIST[0], tmp_path / "parsed", companion=str(dataset(f"olist/{OLIST[1]}")))
    assert given.orders.height == 2976


def two_files(folder: Path, *dates: str) -> Path:
    """Writes Olist's two files, with an order for each date of the second one."""
    rows = [f"o{at},1,p,s,x,10.00,0" for at, _ in enumerate(dates)]
    header = "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value"
    (folder / OLIST[0]).write_text("\n".join([header, *rows, ""]))
    bought = [f"o{at},c,delivered,{date}" for at, date in enumerate(dates)]
    header = "order_id,customer_id,order_status,order_purchase_timestamp"
    (folder / OLIST[1]).write_text("\n".join([header, *bought, ""]))
    return folder / OLIST[0]


def test_a_bad_date_of_the_second_file_is_reported_as_such(tmp_path: Path) -> None:
    imported = parse(two_files(tmp_path, "2017-10-02 10:56:33", "soon"), tmp_path / "parsed")
    assert imported.orders["number"].to_list() == ["o0"]
    [reject] = imported.rejects.to_dicts()
    assert (reject["code"], reject["column"]) == (
        "date_unreadable",
        "order_purchase_timestamp (second file)",
    )
    with pytest.raises(
        FileRefused, match=r"dataset\.csv, second file: each order date, such as 05\.06\.2017"
    ):
        parse(two_files(tmp_path, "05.06.2017", "06.07.2017"), tmp_path / "parsed")


@pytest.mark.parametrize(
    "name",
    [
        "seed/sample.csv",
        "shopify/devstore_orders_export.pseudonymised.csv",
        "woocommerce/webtoffee_Sample_Order.csv",
        "olist/olist_order_items_dataset.csv",
    ],
)
def test_a_preview_shows_the_first_orders_as_the_import_takes_them(name: str, tmp_path: Path) -> None:
    imported = parse(dataset(name), tmp_path / "parsed")
    preview = preview_orders(dataset(name), imported.identified, RULES, limit=3)
    assert preview.orders.height == 3
    whole = imported.orders.sort("position").drop("batch")
    assert preview.orders.equals(whole.head(3))
    assert preview.lines["position"].max() == 2
