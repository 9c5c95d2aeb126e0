"""A proposed profile maps real files correctly, or names what it does not know."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from orders_pipeline.order_files.columns.profile import (
    CONTACT_FIELDS,
    PAYER_FIELDS,
    OrderField,
    built_in_profiles,
    parse_profile,
)
from orders_pipeline.order_files.proposals.propose import Proposal, propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import Imported, parse


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("seed/sample.csv", "default"),
        ("online_retail/by-day/2010-12-01.csv", "online_retail"),
        ("superstore/superstore-cp1252-crlf-mdyyyy.csv", "superstore"),
        ("monthly_sales/Sales_January_2019.csv", "monthly_sales"),
        ("shopify/devstore_orders_export.pseudonymised.csv", "shopify"),
    ],
)
def test_the_mapping_of_a_known_file_is_found_again(name: str, profile: str, tmp_path: Path) -> None:
    proposal = propose_profile(dataset(name), ReadOptions())
    assert proposal.missing == ()
    assert profile in proposal.fits
    found = parse_profile(proposal.toml, "proposed.toml")
    known = built_in_profiles()[profile]
    file = tmp_path / "proposed.toml"
    file.write_text(proposal.toml)
    mine, theirs = (
        parse(dataset(name), tmp_path / "a", str(file)),
        parse(dataset(name), tmp_path / "b", profile),
    )
    compared = ["number"] if known.amounts else ["number", "total"]
    assert mine.orders.select(compared).equals(theirs.orders.select(compared))
    assert set(found.columns) == set(known.columns) - {*CONTACT_FIELDS, *PAYER_FIELDS}


def test_what_no_column_fits_is_left_to_be_filled_in() -> None:
    proposal = propose_profile(dataset("shopify/shopify-data-challenge-2022-5000.csv"), ReadOptions())
    assert proposal.missing == ("sku", "quantity")
    assert '# sku = "?"' in proposal.toml


def test_a_header_with_control_characters_is_drafted(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(f"{HEADER},a\x1b[31m,b\x7f,discount\x1b\n{line()},1,2,3\n")
    assert parse_profile(propose_profile(file, ReadOptions()).toml, "odd.toml").columns


def test_dates_that_can_be_two_things_are_a_doubt(tmp_path: Path) -> None:
    proposal = propose_profile(
        order_file(tmp_path, line(date="1/2/2025"), line(date="3/4/2025")), ReadOptions()
    )
    assert 'date_order = "DMY"  # not sure' in proposal.toml
    assert any("DMY or MDY" in doubt for doubt in proposal.doubts)


def test_a_total_next_to_a_price_is_distinguished_from_it(tmp_path: Path) -> None:
    header = HEADER + ",amount"
    whole = [line(str(n), quantity="2") + ",5.00" for n in range(5)]
    reduced = [line(str(n), quantity="2") + ",4.50" for n in range(5)]
    for lines, field in ((whole, OrderField.UNIT_PRICE), (reduced, OrderField.LINE_TOTAL)):
        proposal = propose_profile(order_file(tmp_path, *lines, header=header), ReadOptions())
        assert field in parse_profile(proposal.toml, "proposed.toml").columns


def drafted(path: Path, tmp_path: Path) -> tuple[Proposal, Imported]:
    """The proposed profile for a file, and the orders read with it."""
    proposal = propose_profile(path, ReadOptions())
    draft = tmp_path / "draft.toml"
    draft.write_text(proposal.toml)
    return proposal, parse(path, tmp_path / "parsed", str(draft))


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "shop.csv"
    file.write_text(text, encoding="utf-8")
    return file


STATED = """Order,Date,Customer ID,Article No,Qty,Price,Post,VAT,Coupon amount,Total
1,2026-03-01,c1,MUG,2,10.00,4.00,1.60,0.00,25.60
1,2026-03-01,c1,CUP,1,5.00,4.00,1.60,5.00,25.60
2,2026-03-02,c2,CUP,3,5.00,4.00,1.20,0.00,20.20
"""


def test_what_adds_up_to_the_stated_total_on_every_order_is_sure(tmp_path: Path) -> None:
    text = STATED.replace("Post", "Shipping").replace(",0.00,25.60", ",5.00,25.60")
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert 'unit_price = "Price"  # sure: with it, orders add up to Total' in proposal.toml
    assert 'total = "Total"  # sure: all 2 orders add up to it' in proposal.toml
    assert dict(taken.orders.select("number", "total").iter_rows()) == {"1": 2560, "2": 2020}
    assert not any("Total" in doubt for doubt in proposal.doubts)


def test_a_line_total_called_price_is_known_by_the_total(tmp_path: Path) -> None:
    text = "Order,Date,Customer ID,SKU,Qty,Price,Order Total\n1,2026-03-01,c1,MUG,2,20.00,25.00\n"
    text += "1,2026-03-01,c1,CUP,1,5.00,25.00\n2,2026-03-02,c2,CUP,3,15.00,15.00\n"
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert 'line_total = "Price"  # sure' in proposal.toml
    assert taken.orders["total"].to_list() == [2500, 1500]


def test_orders_that_do_not_add_up_are_a_doubt_with_their_number_and_an_example(tmp_path: Path) -> None:
    text = "Order,Date,Customer ID,SKU,Qty,Unit price,Order Total\n"
    text += (
        "".join(f"{n},2026-03-01,c1,MUG,2,10.00,20.00\n" for n in range(5))
        + "9,2026-03-01,c1,MUG,2,10.00,19.00\n"
    )
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    [doubt] = [one for one in proposal.doubts if one.startswith("Order Total")]
    assert "1 of 6 orders do not add up; 9:" in doubt
    assert proposal.rejects_by_code == {"total_disagrees": 1}
    assert taken.orders.height == 5


def test_a_price_next_to_several_units_is_a_doubt_if_nothing_states_what_they_come_to(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,item-price\n1,2026-03-01,c1,MUG,2,20.00\n"
    proposal, _ = drafted(written(tmp_path, text), tmp_path)
    assert any(
        "item-price: is this the price of a unit or of the whole line? 1 lines" in d for d in proposal.doubts
    )
    proposal, _ = drafted(written(tmp_path, text.replace("item-price", "unit price")), tmp_path)
    assert proposal.doubts == ()


def test_cancelled_orders_are_skipped_and_paid_ones_recorded(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,unit price,Status,Payment status,Cancelled at\n"
    text += "1,2026-03-01,c1,MUG,1,20.00,Shipped,paid,\n2,2026-03-01,c1,MUG,1,20.00,CANCELLED,pending,\n"
    text += (
        "3,2026-03-01,c1,MUG,1,20.00,Shipped,paid,2026-03-02\n4,2026-03-01,c1,MUG,1,20.00,Lost,on account,\n"
    )
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert taken.orders.select("number", "paid").rows() == [("1", 2000)]
    assert proposal.rejects_by_code == {"payment_status_unknown": 1, "status_skipped": 2}
    assert any("Payment status has the values 'on account'" in doubt for doubt in proposal.doubts)
    assert any(
        "Status has the values 'Lost': their orders are imported" in doubt for doubt in proposal.doubts
    )


def test_amounts_in_cents_and_with_the_noise_of_floats_are_read_as_money(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,unit_price_cents\n1,2026-03-01,c1,MUG,2,1250\n"
    assert drafted(written(tmp_path, text), tmp_path)[1].orders["total"].to_list() == [2500]
    text = "order,date,customer id,sku,quantity,line total\n1,2026-03-01,c1,MUG,2,0.30000000000000004\n"
    assert drafted(written(tmp_path, text), tmp_path)[1].orders["total"].to_list() == [30]


def test_a_line_total_that_differs_from_price_and_quantity_is_taken_with_a_doubt(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,unit price,line total\n1,2026-03-01,c1,MUG,2,10.00,20.00\n"
    text += "2,2026-03-01,c1,MUG,2,10.00,15.00\n"
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert taken.orders["total"].to_list() == [2000, 1500]
    assert any("differs from unit price x quantity on 1 of 2 lines" in doubt for doubt in proposal.doubts)


def test_orders_named_on_their_first_line_only_and_a_time_in_its_own_column(tmp_path: Path) -> None:
    text = "order,date,time,customer id,sku,quantity,unit price\n1,2026-03-01,10:30,c1,MUG,2,10.00\n"
    text += ",,,,CUP,1,5.00\n2,2026-03-02,11:00,c2,CUP,1,5.00\n"
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert 'ordered_at = ["date", "time"]' in proposal.toml
    assert taken.orders.select("number", "total").rows() == [("1", 2500), ("2", 500)]


def test_a_table_with_an_unnamed_index_column_is_drafted(tmp_path: Path) -> None:
    text = ",order,date,customer id,sku,quantity,unit price\n0,1,2026-03-01,c1,MUG,2,10.00\n"
    assert drafted(written(tmp_path, text), tmp_path)[1].orders["total"].to_list() == [2000]


HEADERS = """
Bestellnummer,Bestelldatum,Kundennummer,Artikelnummer,Bezeichnung,Menge,Einzelpreis,Versandkosten,Gesamtsumme
Numéro commande,Date commande,ID client,Code article,Désignation,Quantité,Prix unitaire,Livraison,Total TTC
Número pedido,Fecha pedido,ID cliente,Código artículo,Descripción,Cantidad,Precio unitario,Envío,Total pedido
Número pedido,Data pedido,Código cliente,Código produto,Descrição,Quantidade,Preço unitário,Frete,Valor total
订单号,下单时间,会员编号,商品编码,商品名称,数量,单价,运费,订单金额
注文番号,注文日,会員番号,商品コード,商品名,数量,単価,送料,合計金額
"""


@pytest.mark.parametrize("header", HEADERS.strip().splitlines())
def test_headers_of_other_languages_are_drafted(header: str, tmp_path: Path) -> None:
    rows = "1,2026-03-01,c1,MUG,Mug,2,10.00,4.00,24.00\n2,2026-03-02,c2,CUP,Cup,1,5.00,4.00,9.00\n"
    proposal, taken = drafted(written(tmp_path, f"{header}\n{rows}"), tmp_path)
    assert (proposal.missing, proposal.doubts) == ((), ())
    assert taken.orders["total"].to_list() == [2400, 900]
    assert taken.orders["customer_id"].to_list() == ["c1", "c2"]


ITEMS = {
    "numbered columns": (
        "Order No,Date,Customer ID,SKU 1,Qty 1,Price 1,SKU 2,Qty 2,Price 2,Order Total\n"
        "1,2026-03-01,c1,MUG,2,10.00,CUP,1,5.00,25.00\n2,2026-03-02,c2,CUP,3,5.00,,,,15.00\n"
    ),
    "repeated headers": (
        "Order No,Date,Customer ID,SKU,Qty,Price,SKU,Qty,Price,Order Total\n"
        "1,2026-03-01,c1,MUG,2,10.00,CUP,1,5.00,25.00\n2,2026-03-02,c2,CUP,3,5.00,,,,15.00\n"
    ),
    "JSON": (
        "Order No,Date,Customer ID,Items,Order Total\n"
        '1,2026-03-01,c1,"[{""sku"":""MUG"",""qty"":2,""price"":10},{""sku"":""CUP"",""qty"":1,""price"":5}]",25.00\n'
        '2,2026-03-02,c2,"[{""sku"":""CUP"",""qty"":3,""price"":5}]",15.00\n'
    ),
    "line totals in JSON": (
        "Order No,Date,Customer ID,Items,Order Total\n"
        '1,2026-03-01,c1,"[{""sku"":""MUG"",""qty"":2,""price"":20},{""sku"":""CUP"",""qty"":1,""price"":5}]",25.00\n'
        '2,2026-03-02,c2,"[{""sku"":""CUP"",""qty"":3,""price"":15}]",15.00\n'
    ),
    "discounts in JSON": (
        "Order No,Date,Customer ID,Items,Order Total\n"
        '1,2026-03-01,c1,"[{""sku"":""MUG"",""qty"":2,""price"":15,""discount"":5}]",25.00\n'
        '2,2026-03-02,c2,"[{""sku"":""CUP"",""qty"":3,""price"":5}]",15.00\n'
    ),
    "short lists": (
        "Order No;Date;Customer ID;Items;Order Total\n"
        "1;2026-03-01;c1;MUG:2:10.00,CUP:1:5.00;25.00\n2;2026-03-02;c2;CUP:3:5.00;15.00\n"
    ),
    "packed pairs": (
        "Order No,Date,Customer ID,Item 1,Item 2,Order Total\n"
        "1,2026-03-01,c1,sku:MUG|quantity:2|total:20.00,sku:CUP|quantity:1|total:5.00,25.00\n"
        "2,2026-03-02,c2,sku:CUP|quantity:3|total:15.00,,15.00\n"
    ),
}


@pytest.mark.parametrize("items", ITEMS)
def test_items_in_one_record_are_drafted(items: str, tmp_path: Path) -> None:
    proposal, taken = drafted(written(tmp_path, ITEMS[items]), tmp_path)
    assert (proposal.missing, proposal.doubts) == ((), ())
    assert "[items]" in proposal.toml
    assert "# sure: all 2 orders add up to it" in proposal.toml
    assert taken.orders["total"].to_list() == [2500, 1500]
    assert taken.lines["sku"].to_list()[-1] == "CUP"
    assert taken.parsed.rejects_by_code == {}


def test_a_list_of_items_without_prices_says_what_is_missing(tmp_path: Path) -> None:
    text = "Order No;Date;Items\n1;2026-03-01;1:2,3:1\n2;2026-03-02;3:1\n"
    proposal = propose_profile(written(tmp_path, text), ReadOptions())
    assert proposal.missing == ("unit_price",)
    assert 'sku = "1"\nquantity = "2"' in proposal.toml


def test_a_profile_that_would_be_ambiguous_does_not_fit(tmp_path: Path) -> None:
    header = HEADER + ",product_sku,quantity,unit_price"
    file = order_file(tmp_path, line() + ",S2,1,5.00", header=header)
    assert propose_profile(file, ReadOptions()).fits == ()


LINES = "order_id,product code,qty,unit price\n1,MUG,2,10.00\n1,CUP,1,5.00\n2,MUG,1,10.00\n"
HEADS = "order_id,email,order date,status\n1,a@x.com,2026-03-01,sent\n2,b@x.com,2026-03-02,Cancelled\n"


def test_a_second_file_with_the_dates_is_found_with_its_statuses(tmp_path: Path) -> None:
    (tmp_path / "shop_heads_2026.csv").write_text(HEADS)
    (tmp_path / "others.csv").write_text(HEADS.replace("1,a", "7,a").replace("2,b", "8,b"))
    proposal, taken = drafted(written(tmp_path, LINES), tmp_path)
    assert 'file = "shop_heads_*.csv"' in proposal.toml
    assert taken.orders.select("number", "total", "customer_id").rows() == [("1", 2500, "a@x.com")]
    assert taken.parsed.rejects_by_code == {"status_skipped": 1}


def test_a_second_file_in_the_same_archive_is_found(tmp_path: Path) -> None:
    file = tmp_path / "shop.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("lines.csv", LINES)
        archive.writestr("heads.csv", HEADS)
    proposal = propose_profile(file, ReadOptions(member="lines.csv"))
    assert (proposal.missing, proposal.orders) == ((), 1)
    assert 'file = "heads.csv"' in proposal.toml


def test_a_column_of_statuses_is_known_by_its_values(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,unit price,Lage\n1,2026-03-01,c1,MUG,1,20.00,versandt\n"
    text += "2,2026-03-01,c1,MUG,1,20.00,Storniert\n3,2026-03-01,c1,CUP,1,20.00,versandt\n"
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert taken.orders["number"].to_list() == ["1", "3"]
    assert proposal.rejects_by_code == {"status_skipped": 1}


def test_a_summary_line_does_not_hide_that_orders_are_filled_on_their_first_line(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,unit price\n1,2026-03-01,c1,MUG,1,20.00\n"
    text += ",,,CUP,2,5.00\n2,2026-03-02,c2,MUG,1,20.00\n,,,CUP,1,5.00\nTotal,,,,5,75.00\n"
    proposal, taken = drafted(written(tmp_path, text), tmp_path)
    assert taken.orders.select("number", "total").rows() == [("1", 3000), ("2", 2500)]
    assert proposal.rejects_by_code == {"sku_missing": 1}


def test_free_and_returned_lines_are_a_doubt_with_the_way_out(tmp_path: Path) -> None:
    text = "order,date,customer id,sku,quantity,unit price\n1,2026-03-01,c1,MUG,1,20.00\n"
    text += "1,2026-03-01,c1,CUP,1,0.00\n2,2026-03-01,c1,CUP,-1,5.00\n"
    doubts = " ".join(drafted(written(tmp_path, text), tmp_path)[0].doubts)
    assert 'leave_out = ["free"]' in doubts
    assert 'leave_out = ["returned"]' in doubts
