"""A file is parsed into batches of whole orders, and rejects with position, code and reason."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

from orders_pipeline.base.documents import from_json, to_json
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.columns.profile import parse_profile
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ParseRules, ReadOptions
from orders_pipeline.order_files.reject_codes import EXPLANATIONS, RejectCode
from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import RULES, parse


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"number": "", "customer": "8"}, "order_number_missing", "order_id"),
        ({"number": "4.5E+11"}, "order_number_damaged", "order_id"),
        ({"sku": " "}, "sku_missing", "product_sku"),
        ({"quantity": ""}, "quantity_missing", "quantity"),
        ({"quantity": "two"}, "quantity_unreadable", "quantity"),
        ({"quantity": "1.5"}, "quantity_not_whole", "quantity"),
        ({"quantity": "1.00001"}, "quantity_not_whole", "quantity"),
        ({"quantity": "0"}, "quantity_not_positive", "quantity"),
        ({"quantity": "-2"}, "quantity_not_positive", "quantity"),
        ({"quantity": "1000000001"}, "quantity_too_large", "quantity"),
        ({"price": ""}, "price_missing", "unit_price"),
        ({"price": "cheap"}, "price_unreadable", "unit_price"),
        ({"price": "0.00001"}, "price_too_precise", "unit_price"),
        ({"price": "0"}, "price_not_positive", "unit_price"),
        ({"price": "-1"}, "price_not_positive", "unit_price"),
        ({"price": "10000000001"}, "price_too_large", "unit_price"),
        ({"price": "20000000", "quantity": "1000"}, "price_too_large", "unit_price"),
        ({"price": "€2.50"}, "price_other_currency", "unit_price"),
        ({"price": "foo2.50"}, "price_unreadable", "unit_price"),
        ({"currency": "USX"}, "currency_unknown", "currency"),
        ({"date": ""}, "date_missing", "order_date"),
        ({"date": "soon"}, "date_unreadable", "order_date"),
        ({"date": "1999-12-31"}, "date_out_of_range", "order_date"),
        ({"date": "2026-11-23"}, "date_out_of_range", "order_date"),
        ({"sku": "x" * 1001}, "text_too_long", None),
    ],
)
def test_each_kind_of_bad_line_has_its_code_column_and_words(
    changes: dict[str, str], code: str, column: str | None, tmp_path: Path
) -> None:
    bad = line(**{"number": "2", **changes})
    imported = parse(order_file(tmp_path, line("1"), bad, line("3")), tmp_path / "parsed")
    assert imported.orders["number"].to_list() == ["1", "3"]
    reject = imported.rejects.row(0, named=True)
    assert (reject["code"], reject["column"]) == (code, column)
    assert (reject["record"], reject["line"], reject["raw"]) == (2, 3, bad)
    assert reject["message"].endswith(".")
    assert reject["hint"].endswith(".")
    assert imported.parsed.rejects_by_code == {code: 1}


def test_every_code_is_explained() -> None:
    assert set(EXPLANATIONS) == set(RejectCode)
    assert all(e.message.endswith(".") and e.hint.endswith(".") for e in EXPLANATIONS.values())


def test_one_bad_line_rejects_its_whole_order_wherever_its_lines_stand(tmp_path: Path) -> None:
    lines = [line("1"), line("2", sku="a"), line("1", quantity="0"), line("2", sku="b"), line("1")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders.select("number", "lines", "first_line").rows() == [("2", 2, 3)]
    assert imported.lines.select("line_number", "file_line", "record", "sku").rows() == [
        (1, 3, 2, "a"),
        (2, 5, 4, "b"),
    ]
    assert imported.codes() == ["order_rejected", "quantity_not_positive", "order_rejected"]
    assert imported.parsed.lines_of_rejected_orders == 2
    assert imported.parsed.orders_rejected == 1
    assert imported.parsed.rejects_by_code == {"quantity_not_positive": 1}


def test_a_broken_line_rejects_the_order_whose_number_can_still_be_read(tmp_path: Path) -> None:
    lines = [line("1"), "1,7,Ann,S-1", line("2"), '2,"7"x,Ann,S-1,Mug,1,2.50,USD,2025-11-10', line("3")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders["number"].to_list() == ["3"]
    assert Counter(imported.codes()) == {"order_rejected": 2, "field_count": 1, "stray_quote": 1}


def test_a_currency_is_that_of_the_whole_order(tmp_path: Path) -> None:
    lines = [line("1", currency="usd"), line("2"), line("2", currency="EUR"), line("3", currency="")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders.select("number", "currency").rows() == [("1", "USD"), ("3", "USD")]
    assert imported.parsed.rejects_by_code == {"currency_differs": 2}


@pytest.mark.parametrize(
    ("currency", "prices", "total"),
    [
        ("USD", ["0.005"], 1),
        ("USD", ["0.0050"], 1),
        ("USD", ["0.0025", "0.0025"], 1),
        ("USD", ["1.0049", "1.0001"], 201),
        ("JPY", ["99.5"], 100),
        ("JPY", ["99.4999"], 99),
        ("KWD", ["1.2345"], 1235),
        ("CLF", ["1.2345"], 12345),
    ],
)
def test_the_sum_of_an_order_is_rounded_half_up_once(
    currency: str, prices: list[str], total: int, tmp_path: Path
) -> None:
    lines = [line("1", price=price, currency=currency) for price in prices]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders["total"].to_list() == [total]


def test_an_order_too_large_for_the_stores_is_rejected(tmp_path: Path) -> None:
    lines = [line("1", price="6000000000"), line("1", price="6000000000"), line("2")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders["number"].to_list() == ["2"]
    assert imported.parsed.rejects_by_code == {"order_total_too_large": 2}


def test_ids_stay_text_but_for_the_decimals_of_pandas(tmp_path: Path) -> None:
    lines = [line("007", customer="0042"), line("8.0", customer="17850.0"), line("9.50", customer="a.0")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders.sort("first_line").select("number", "customer_id").rows() == [
        ("007", "0042"),
        ("8", "17850"),
        ("9.50", "a.0"),
    ]


def test_a_blank_customer_is_a_guest(tmp_path: Path) -> None:
    imported = parse(order_file(tmp_path, line(customer="  ")), tmp_path / "parsed")
    assert imported.orders["customer_id"].to_list() == [None]


def test_days_are_counted_in_the_configured_zone(tmp_path: Path) -> None:
    rules = replace(RULES, timezone="America/New_York")
    lines = [line("1", date="2025-11-10 23:30:00"), line("2", date="2025-11-11T03:00:00Z")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed", rules=rules)
    assert [str(day) for day in imported.orders["day"]] == ["2025-11-10", "2025-11-10"]
    assert imported.orders["ordered_at"].to_list() == [1762835400000000, 1762830000000000]


def test_no_order_is_ever_split_between_batches(tmp_path: Path) -> None:
    lines = [line(str(n % 997), sku=f"S-{n}") for n in range(5000)]
    rules = replace(RULES, batch_lines=100)
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed", rules=rules)
    assert len(imported.parsed.batches) > 10
    assert imported.orders["number"].n_unique() == imported.orders.height == 997
    assert (
        imported.lines.group_by("batch", "position")
        .agg(pl.col("line_number").sort() == pl.int_range(1, pl.len() + 1))["line_number"]
        .list.all()
        .all()
    )
    by_order = imported.lines.join(imported.orders, on=["batch", "position"]).group_by("number").agg("sku")
    skus = {number: sorted(values) for number, values in by_order.iter_rows()}
    assert skus["5"] == sorted(f"S-{n}" for n in range(5, 5000, 997))
    assert sum(batch.lines for batch in imported.parsed.batches) == 5000


def test_a_batch_made_of_several_parts_is_in_file_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line(str(n % 700), sku=f"S-{n}", quantity="0" if n % 100 == 7 else "1") for n in range(3000)]
    file = order_file(tmp_path, *lines)
    whole = parse(file, tmp_path / "whole", rules=replace(RULES, batch_lines=10**6))
    monkeypatch.setattr("orders_pipeline.order_files.orders.spill.PART_LINES", 200)
    parted = parse(file, tmp_path / "parted", rules=replace(RULES, batch_lines=10**6))
    assert len(whole.parsed.batches) == len(parted.parsed.batches) == 1
    for name in ("orders", "lines"):
        written = [
            pl.read_parquet(tmp_path / which / f"batch-0001.{name}.parquet") for which in ("whole", "parted")
        ]
        assert written[0].equals(written[1])
    assert whole.rejects.equals(parted.rejects)
    assert whole.parsed == parted.parsed


def test_an_interrupted_attempt_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "parsed"
    target.mkdir()
    (target / "batch-0009.orders.parquet").write_bytes(b"half")
    (target / "lines").mkdir()
    parse(order_file(tmp_path, line()), target)
    assert sorted(file.name for file in target.iterdir()) == [
        "batch-0001.lines.parquet",
        "batch-0001.orders.parquet",
    ]


def test_nothing_is_left_on_disk_but_the_results(tmp_path: Path) -> None:
    lines = [line(str(n)) for n in range(3000)]
    parse(order_file(tmp_path, *lines), tmp_path / "parsed", rules=replace(RULES, batch_lines=100))
    assert all(file.suffix == ".parquet" for file in (tmp_path / "parsed").iterdir())


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_packed_files_are_read_like_others(kind: str, tmp_path: Path) -> None:
    text = "\n".join([HEADER, *(line(str(n)) for n in range(50))]) + "\n"
    file = tmp_path / f"orders.csv.{kind}"
    if kind == "gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("export/orders.csv", text)
            archive.writestr("__MACOSX/export/._orders.csv", "rubbish")
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.height == 50


def test_lines_before_the_header_are_passed_over(tmp_path: Path) -> None:
    preamble = ["sep=,", "Orders of ACME Ltd.", "Exported,2025-11-11", ""]
    file = order_file(tmp_path, HEADER, line("1"), line("2", quantity="0"), header="\n".join(preamble))
    imported = parse(file, tmp_path / "parsed")
    assert imported.identified.header_line == 5
    assert imported.orders["first_line"].to_list() == [6]
    assert imported.rejects.select("record", "line").rows() == [(2, 7)]


@pytest.mark.parametrize("where", ["header", "lines"])
def test_one_delimiter_more_at_the_end_of_each_line_is_harmless(where: str, tmp_path: Path) -> None:
    end, header = ("", HEADER + ",") if where == "header" else (",", HEADER)
    imported = parse(
        order_file(tmp_path, line("1") + end, line("2") + end, header=header), tmp_path / "parsed"
    )
    assert imported.orders.height == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ", "])
def test_every_usual_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    rows = [HEADER, line("1"), '2,7,"Lee, A; B|C",S-1,Mug,1,2.50,USD,2025-11-10', line("3")]
    text = "\n".join(rows).replace(",", "\x00").replace("Lee\x00", "Lee,").replace("\x00", delimiter)
    file = tmp_path / "orders.csv"
    file.write_text(text + "\n")
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders["customer_name"].to_list() == ["Ann", "Lee, A; B|C", "Ann"]


def test_decimal_commas_and_thousands_are_read_by_the_whole_column(tmp_path: Path) -> None:
    header = HEADER.replace(",", ";")
    lines = [line(str(n), price=price).replace(",2025", ";2025") for n, price in enumerate(["P"] * 3)]
    prices = ["1.234,50", "2,5", "1.234"]
    rows = [row.replace(",", ";").replace("P", price) for row, price in zip(lines, prices, strict=True)]
    imported = parse(order_file(tmp_path, *rows, header=header), tmp_path / "parsed")
    assert imported.orders["total"].to_list() == [123450, 250, 123400]


def test_quoted_decimal_commas_are_read(tmp_path: Path) -> None:
    lines = [line("1", price='"2,55"'), line("2", price='"1.234,00"'), line("3", price="3")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.orders["total"].to_list() == [255, 123400, 300]


def test_the_semicolon_edition_is_refused_until_the_date_format_is_given(tmp_path: Path) -> None:
    file = dataset("online_retail/online-retail-semicolon-decimalcomma-bom-10k.csv")
    with pytest.raises(FileRefused) as refused:
        parse(file, tmp_path / "parsed")
    assert refused.value.code == "dates_ambiguous"
    assert "DMY" in refused.value.hint
    imported = parse(file, tmp_path / "parsed", date_format="DMY")
    assert imported.orders["day"].n_unique() == 4
    assert str(imported.orders["day"].min()) == "2010-12-01"


def test_a_file_cut_off_in_mid_record_loses_its_last_order_only(tmp_path: Path) -> None:
    imported = parse(
        dataset("online_retail/online-retail-latin1-ddmmyyyy-truncated-39k.csv"), tmp_path / "parsed"
    )
    cut = imported.rejects.filter(pl.col("code") == "cut_off").row(0, named=True)
    assert (cut["order_number"], cut["raw"]) == ("539650", "539650,84347,R")
    assert "539650" not in imported.orders["number"]
    assert imported.parsed.records == 39_530


def test_values_travel_as_json(tmp_path: Path) -> None:
    file = order_file(tmp_path, line())
    identified = identify(file, None, ReadOptions(decimal="."))
    again = from_json(Identified, json.loads(json.dumps(to_json(identified))), "identified")
    assert again == identified
    rules = from_json(ParseRules, json.loads(json.dumps(to_json(RULES))), "rules")
    assert rules == RULES
    parsed = parse_order_file(file, again, rules, tmp_path / "parsed")
    assert from_json(ParsedFile, json.loads(json.dumps(asdict(parsed))), "parsed") == parsed


def test_a_file_that_grows_a_column_is_still_counted_record_by_record(tmp_path: Path) -> None:
    lines = [line("1"), line("2") + ",extra", line("3")]
    imported = parse(order_file(tmp_path, *lines), tmp_path / "parsed")
    assert imported.parsed.records == 3
    assert imported.parsed.rejects_by_code == {"field_count": 1}


def test_a_header_alone_is_a_file_without_records(tmp_path: Path) -> None:
    imported = parse(order_file(tmp_path), tmp_path / "parsed")
    assert imported.parsed.records == 0
    assert imported.parsed.batches == ()


def test_a_profile_can_map_skip_join_and_derive_without_code(tmp_path: Path) -> None:
    profile = tmp_path / "shop.toml"
    profile.write_text(
        """
        date_order = "DMY"
        timezone = "Europe/Berlin"
        [columns]
        order_number = "No"
        sku = "Article"
        quantity = "Pcs"
        line_total = "Sum"
        [joined]
        ordered_at = ["Day", "Clock"]
        [constants]
        currency = "EUR"
        [values.sku]
        old = "new"
        [skip]
        State = ["Cancelled"]
        """
    )
    assert parse_profile(profile.read_text(), "shop.toml").name == "shop"
    file = tmp_path / "orders.csv"
    file.write_text(
        "No,Article,Pcs,Sum,Day,Clock,State\n"
        "1,old,2,5.00,01/02/2025,10:00,Paid\n"
        "2,x,1,5.00,01/02/2025,10:00,cancelled\n"
        "2,y,1,5.00,01/02/2025,10:00,\n"
    )
    imported = parse(file, tmp_path / "parsed", profile=str(profile))
    assert imported.orders.select("number", "currency", "total", "ordered_at").rows() == [
        ("1", "EUR", 500, 1738400400000000)
    ]
    assert imported.lines["sku"].to_list() == ["new"]
    assert imported.codes() == ["status_skipped", "order_rejected"]
