"""A file gives the same result in every encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.encodings import detect_encoding
from orders_pipeline.order_files.records.text import STAND_IN, TextStream, original_bytes
from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.parsing import Imported, parse

HEADER = (
    "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date\n"
)

TEXTS = [
    ("Prénom;Café\nÉté;Noël\nFrançois;crème brûlée\n", ("cp1252", "mac_roman", "utf-8", "utf-16")),
    ("Größe;Stück\nKäse;Müsli\nBrötchen;Süßes\n", ("cp1252", "mac_roman", "cp850")),
    ("Martín;Cataluña\nSeñor Pérez;Niño\n", ("cp1252", "mac_roman", "cp437")),
    ("São Paulo;Não\nPaço;Maçã\nÓleo\n", ("cp1252", "mac_roman", "cp850")),
    ("L\u2019été;œuf \u2013 “bon”\n5 €;Noël\n", ("cp1252", "mac_roman")),
    ("x;£5.00\ny;£7.50\n", ("cp1252", "mac_roman", "cp437")),
    ("Zażółć gęślą jaźń\nŁódź;Kraków\nŚwieży chleb;Mąka\n", ("cp1250",)),
    ("Sipariş;Ürün\nÇay;Şeker\nİstanbul;Ağaç\nX;Gümüş\n", ("cp1254",)),
    ("Заказ номер;Товар\n1;Молоко\n2;Хлеб ржаной\n3;Кофе в зёрнах\n", ("cp1251", "koi8_r")),
]


@pytest.mark.parametrize(("text", "encoding"), [(text, e) for text, encodings in TEXTS for e in encodings])
def test_a_few_words_show_their_encoding(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    found = detect_encoding(data, data)
    assert data.decode(found.encoding) == text
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "mac_roman", "cp1252"]
)
def test_the_superstore_file_is_the_same_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    original = dataset("superstore/superstore-cp1252-crlf-mdyyyy.csv")
    # Mac Roman does not have this fraction.
    text = original.read_bytes().decode("cp1252").replace("\xbe", "3/4")
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    first.write_bytes(text.encode("cp1252"))
    again.write_bytes(text.encode(encoding))
    assert same(parse(first, tmp_path / "a"), parse(again, tmp_path / "b"))


@pytest.mark.parametrize("encoding", ["utf-8", "mac_roman", "cp850", "cp1252", "latin-1"])
@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_the_classicmodels_file_is_the_same_in_every_encoding(
    encoding: str, line_end: str, tmp_path: Path
) -> None:
    original = dataset("classicmodels/sales_data_sample-cp437-crlf.csv")
    text = original.read_bytes().decode("cp437").replace("\r\n", line_end)
    again = tmp_path / "again.csv"
    again.write_bytes(text.encode(encoding))
    assert same(parse(original, tmp_path / "a"), parse(again, tmp_path / "b"))


def same(one: Imported, other: Imported) -> bool:
    return one.orders.equals(other.orders) and one.lines.drop("batch").equals(other.lines.drop("batch"))


def test_a_character_that_shows_late_still_decides_the_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders_pipeline.order_files.records.sample.SCANNED_BYTES", 1 << 10)
    monkeypatch.setattr("orders_pipeline.order_files.records.sample.HEAD_BYTES", 1 << 10)
    plain = "".join(f"{n},7,Ann,S-1,Mug,1,2.50,USD,2025-11-10 10:00:00\n" for n in range(60_000))
    file = tmp_path / "late.csv"
    file.write_bytes(
        (HEADER + plain + "x,8,Café Noël,S-1,Mug,1,2.50,USD,2025-11-10 10:00:00\n").encode("mac_roman")
    )
    imported = parse(file, tmp_path / "parsed")
    assert imported.parsed.encoding == "mac_roman"
    assert imported.parsed.rejected_lines == 0
    assert imported.orders.filter(imported.orders["number"] == "x")["customer_name"].item() == "Café Noël"


def test_bytes_that_are_no_text_cost_their_order_only(tmp_path: Path) -> None:
    file = tmp_path / "damaged.csv"
    good = "".join(f"{n},7,José,S-1,Café,1,2.50,USD,2025-11-10 10:00:00\n" for n in range(9)).encode()
    bad = b"x,8,Jos\xff\xfe,S-1,Mug,1,2.50,USD,2025-11-10 10:00:00\n"
    file.write_bytes(HEADER.encode() + good + bad)
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.height == 9
    assert imported.parsed.rejects_by_code == {"undecodable": 1}
    assert "0xFF" in imported.rejects["message"].item()
    raw = imported.rejects["raw"].item()
    assert original_bytes(raw, "utf-8") == bad.rstrip()


def test_nul_bytes_reach_no_store(tmp_path: Path) -> None:
    file = tmp_path / "nul.csv"
    file.write_bytes(HEADER.encode() + b"1,7,A\x00n,S-1,Mug,1,2.50,USD,2025-11-10 10:00:00\n")
    imported = parse(file, tmp_path / "parsed")
    assert imported.parsed.rejects_by_code == {"undecodable": 1}
    assert "\x00" not in imported.rejects["raw"].item()


def test_an_encoding_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEADER)
    for name in ("klingon", "base64"):
        with pytest.raises(FileRefused) as refused:
            parse(file, tmp_path / "parsed", encoding=name)
        assert refused.value.code == "encoding_unknown"


def test_a_given_encoding_wins_over_what_is_detected(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes((HEADER + "1,7,\xe9\xe8,S-1,Mug,1,2.50,USD,2025-11-10 10:00:00\n").encode("latin-1"))
    imported = parse(file, tmp_path / "parsed", encoding="cp437")
    assert imported.orders["customer_name"].item() == b"\xe9\xe8".decode("cp437")


def test_a_character_may_be_split_between_chunks() -> None:
    data = "héllo wörld €".encode()
    for at in range(len(data)):
        pieces = TextStream("utf-8").decoded(iter([data[:at], data[at:]]))
        assert b"".join(pieces) == data


def test_stand_ins_are_single_bytes_again() -> None:
    text = b"".join(TextStream("utf-8").decoded(iter([b"a\xffb\xc3"]))).decode()
    assert [ord(c) - STAND_IN for c in text if ord(c) >= STAND_IN] == [0xFF, 0xC3]
    assert original_bytes(text, "utf-8") == b"a\xffb\xc3"
