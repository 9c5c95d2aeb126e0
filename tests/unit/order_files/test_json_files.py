"""JSON and JSON lines: records are found in any list, numbers stay exact, and hostile text is refused."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.proposals.propose import propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from tests.unit.order_files.files import HEADER
from tests.unit.order_files.parsing import Imported, parse

COLUMNS = HEADER.split(",")
NESTED = """
optional = ["customer_name", "product_name", "currency"]
[columns]
order_number = "id"
customer_id = "customer.id"
sku = "line.sku"
quantity = "line.quantity"
unit_price = "line.price"
ordered_at = "created_at"
"""


def order(number: object = "1", **changed: object) -> dict[str, object]:
    cells = [number, 7, "Ann", "S-1", "Mug", 1, 2.5, "USD", "2025-11-10T14:05:00Z"]
    return {**dict(zip(COLUMNS, cells, strict=True)), **changed}


def lines(path: Path, *records: object) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return path


def refusal(path: Path, **options: Any) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        identify(path, None, ReadOptions(**options))
    assert path.name in refused.value.message
    return refused.value


def numbers(imported: Imported) -> list[str]:
    return imported.orders["number"].to_list()


def test_json_lines_are_records_on_their_lines(tmp_path: Path) -> None:
    file = lines(tmp_path / "orders.txt", order("007"), "", order(2, quantity=3))
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.select("number", "total", "first_line").rows() == [("007", 250, 1), ("2", 750, 3)]
    assert imported.identified.place(3) == "line 3"


DOCUMENTS = {
    "a list": ([order(1), order(2)], "$"),
    "an object with a list": (
        {"count": 2, "tags": ["a"], "orders": [order(1), order(2)], "next": None},
        "orders",
    ),
    "a list deep inside": ({"data": {"page": {"nodes": [order(1), order(2)]}}}, "data.page.nodes"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_list_of_objects_in_a_document_is_read(tmp_path: Path, name: str, indent: int | None) -> None:
    document, table = DOCUMENTS[name]
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(document, indent=indent))
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.select("number", "first_line").rows() == [("1", 1), ("2", 2)]
    assert imported.identified.place(2) == f"element 2 of the list {table}"


def test_several_lists_that_fit_are_refused_by_their_paths(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text(json.dumps({"open": [order(1)], "old": {"closed": [order(2)]}, "shops": [{"id": 1}]}))
    refused = refusal(file)
    assert refused.code == "sheet_ambiguous"
    assert "open, old.closed" in refused.message
    assert numbers(parse(file, tmp_path / "parsed", sheet="old.closed")) == ["2"]


def test_nested_objects_become_columns(tmp_path: Path) -> None:
    record = {"id": "1", "customer": {"id": "c1"}, "line": {"sku": "S", "quantity": 2, "price": "1.10"}}
    file = lines(tmp_path / "o.jsonl", {**record, "created_at": "2025-11-10"}, {"id": "2"})
    profile = tmp_path / "nested.toml"
    profile.write_text(NESTED)
    imported = parse(file, tmp_path / "parsed", str(profile))
    assert imported.orders.select("number", "customer_id", "total").rows() == [("1", "c1", 220)]
    assert len(imported.codes()) == 1


def test_numbers_keep_their_digits_without_float_noise(tmp_path: Path) -> None:
    number = '{"order_id": 12345678901234567890, "quantity": "?", "unit_price": %s}'
    values = ["0.30000000000000004", "2.50", "3.0", "1e-3", "1.125", "1234567890.1234", "true", "null", "NaN"]
    file = lines(tmp_path / "o.jsonl", order(1), *(number % value for value in values))
    imported = parse(file, tmp_path / "parsed")
    written = [raw.split(",")[6] for raw in imported.rejects.sort("record")["raw"]]
    assert written == ["0.3", "2.50", "3", "0.0010", "1.1250", "1234567890.1234", "true", "", ""]
    assert imported.rejects["order_number"].unique().to_list() == ["12345678901234567890"]


def test_a_key_that_only_late_records_have_is_a_column(tmp_path: Path) -> None:
    early = [{k: v for k, v in order(n).items() if k != "currency"} for n in range(1000)]
    file = lines(tmp_path / "o.jsonl", *early, order(1000, currency="EUR"))
    currencies = parse(file, tmp_path / "parsed").orders["currency"].to_list()
    assert (currencies.count("USD"), currencies.count("EUR")) == (1000, 1)


def test_a_broken_line_rejects_its_whole_order(tmp_path: Path) -> None:
    broken = json.dumps(order(2))[:-1] + ', "x": }'
    file = lines(tmp_path / "o.jsonl", order(1), order(2), broken, order(3), "[1, 2]")
    imported = parse(file, tmp_path / "parsed")
    assert numbers(imported) == ["1", "3"]
    assert imported.rejects.select("line", "order_number", "code").rows() == [
        (2, "2", "order_rejected"),
        (3, "2", "json_broken"),
        (5, None, "json_broken"),
    ]


def test_an_object_with_the_same_key_twice_is_rejected(tmp_path: Path) -> None:
    twice = json.dumps(order(2)).replace('"quantity": 1', '"quantity": 1, "quantity": 5')
    imported = parse(lines(tmp_path / "o.jsonl", order(1), twice), tmp_path / "parsed")
    assert numbers(imported) == ["1"]
    assert imported.codes() == ["json_broken"]


@pytest.mark.parametrize(
    ("content", "code", "why"),
    [
        ('[{"order_id": 1, "order_id": 2}]', "file_damaged", "a key twice"),
        ('{"order_id": 1, "order_id": 2}\n{"order_id": 3, "order_id": 4}\n', "file_damaged", "a key twice"),
        ('{"orders": [{}, {}]}', "file_empty", "no rows"),
    ],
)
def test_a_file_whose_first_records_all_have_no_column_is_refused(
    tmp_path: Path, content: str, code: str, why: str
) -> None:
    file = tmp_path / "orders.json"
    file.write_text(content)
    refused = refusal(file)
    assert refused.code == code
    assert why in refused.message


def test_a_file_that_ends_inside_a_line_is_cut_off(tmp_path: Path) -> None:
    file = lines(tmp_path / "o.jsonl", order(1), order(2))
    file.write_text(file.read_text()[:-30])
    assert parse(file, tmp_path / "parsed").codes() == ["cut_off"]


@pytest.mark.parametrize("cut", [30, 1])
def test_a_document_that_ends_early_is_refused(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([order(n) for n in range(3)])[:-cut])
    assert refusal(file).code == "json_damaged"


def test_bytes_that_are_not_unicode_reject_their_record(tmp_path: Path) -> None:
    file = lines(tmp_path / "o.jsonl", order(1), order(2, customer_name="M"))
    file.write_bytes(file.read_bytes().replace(b'"M"', b'"\xff"'))
    assert parse(file, tmp_path / "parsed").codes() == ["undecodable"]


@pytest.mark.parametrize("text", [r"half \ud83d pair", r"nul \u0000 byte"])
def test_text_that_no_store_can_hold_does_no_harm(tmp_path: Path, text: str) -> None:
    file = lines(tmp_path / "o.jsonl", order(1), json.dumps(order(2, product_name="X")).replace("X", text))
    imported = parse(file, tmp_path / "parsed")
    assert numbers(imported)[0] == "1"
    assert imported.parsed.records == 2


def test_utf_16_is_read(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([order(1)]), encoding="utf-16")
    assert numbers(parse(file, tmp_path / "parsed")) == ["1"]


def test_packed_json_is_read(tmp_path: Path) -> None:
    text = lines(tmp_path / "o.jsonl", order(1), order(2)).read_bytes()
    (tmp_path / "o.jsonl.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "o.zip", "w") as archive:
        archive.writestr("o.json", json.dumps([order(1), order(2)]))
    for name in ("o.jsonl.gz", "o.zip"):
        assert numbers(parse(tmp_path / name, tmp_path / "parsed")) == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "file_empty"),
        ('{"orders": []}', "file_empty"),
        ("[[1, 2], [3, 4]]", "file_empty"),
        ('[{"a": 1}] [{"a": 1}]', "json_damaged"),
        ('[{"a": ' + "[" * 100_000, "json_damaged"),
        ("[" + ",".join(f'{{"key{n}": 1}}' for n in range(16_385)) + "]", "too_many_columns"),
        ('[{"name": "Ann"}, {"name": "Bob"}]', "header_missing"),
    ],
    ids=["empty", "empty list", "lists", "two values", "deep", "wide", "no order"],
)
def test_useless_json_is_refused(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "orders.json"
    file.write_text(text)
    assert refusal(file).code == code


def test_a_csv_file_with_json_in_a_column_stays_one(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text('[Order],{"x"}\n1,2\n')
    assert refusal(file).code == "header_missing"


def test_a_profile_is_drafted_from_json(tmp_path: Path) -> None:
    proposal = propose_profile(lines(tmp_path / "o.jsonl", order(1), order(2)), ReadOptions())
    assert proposal.fits == ("default",)
