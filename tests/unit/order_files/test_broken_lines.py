"""A broken line is read if it has only one possible reading. Otherwise it is rejected."""

from __future__ import annotations

import csv
import io
import random
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.broken_lines import repairs
from orders_pipeline.order_files.records.broken_lines.column_shapes import learn_shape
from orders_pipeline.order_files.records.broken_lines.readings import Fault, LineReader
from orders_pipeline.order_files.records.broken_lines.repairs import Repairs
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.records import RecordReader
from orders_pipeline.order_files.records.source import open_source
from tests.sweeps import examples
from tests.unit.order_files.parsing import Imported, parse

HEADER = (
    "order_id,customer_id,customer_name,order_date,product_sku,product_name,quantity,unit_price,currency,"
    "url,notes"
)
WIDTH = HEADER.count(",") + 1
SOUND = [
    f'{1000 + at},{at % 9},"Doe, J.",2025-11-{at % 28 + 1:02} 10:00:00,SKU-{at:03},"{"A " * (at % 13)}mug, '
    f'blue",{at % 12 + 1},{at}.50,USD,https://shop.example/{at},"{"very " * (at % 13)}soon, please"'
    for at in range(1, 101)
]
WHOLE = (
    '2001,5,"Doe, J.",2025-11-10 10:00:00,SKU-777,"A mug, black",2,25.50,USD,https://shop.example/7,'
    '"For ""Ann"" please"'
)

READ = {
    "a missing delimiter between a currency and a price": ("25.50,USD", "25.50USD", "delimiter_missing"),
    "a missing delimiter after a date": ("10:00:00,SKU", "10:00:00SKU", "delimiter_missing"),
    "a doubled delimiter": ("SKU-777,", "SKU-777,,", "delimiter_doubled"),
    "a doubled delimiter at the start of quotes": (',"A mug', ',,"A mug', "delimiter_doubled"),
    "a quote at the start of a column that is not read": (",https", ',"https', "stray_quote_kept"),
    "quotes inside a column that is not read": ('""Ann""', '"Ann"', "stray_quote_kept"),
}
REJECTED = {
    "a lost value": ("SKU-777,", "", "field_count"),
    "a value too many": (",2,", ",2,3,", "field_count"),
    "two numbers in one": ("2,25.50", "225.50", "field_count"),
    "a price with a decimal comma": ("25.50", "25,50", "field_count"),
    "a quote in an order number": ("2001,", '"2001,', "stray_quote"),
    "a quote in a price": ("25.50,", '25.50"USD,"', "stray_quote"),
    "a quote in a product's name": ('"A mug, black"', '"A mug, "black""', "stray_quote"),
    "a lost value at the end": (',"For ""Ann"" please"', "", "field_count"),
}


def file_of(folder: Path, broken: str, sound: list[str] | None = None) -> Path:
    file = folder / "orders.csv"
    lines = SOUND if sound is None else sound
    middle = len(lines) // 2
    file.write_text("\n".join([HEADER, *lines[:middle], broken, *lines[middle:]]) + "\n", encoding="utf-8")
    return file


def number_2001(imported: Imported) -> list[tuple[object, ...]]:
    order = imported.orders.filter(pl.col("number") == "2001")
    return list(order.select("total", "lines", "day").iter_rows())


@pytest.mark.parametrize(("before", "after", "code"), READ.values(), ids=READ)
def test_a_line_that_can_say_only_one_thing_is_read(
    tmp_path: Path, before: str, after: str, code: str
) -> None:
    whole = parse(file_of(tmp_path, WHOLE), tmp_path / "whole")
    imported = parse(file_of(tmp_path, WHOLE.replace(before, after)), tmp_path / "parsed")
    assert number_2001(imported) == number_2001(whole) != []
    assert imported.rejects.height == 0
    assert [(warning.code, warning.count) for warning in imported.parsed.warnings] == [(code, 1)]


@pytest.mark.parametrize(("before", "after", "code"), REJECTED.values(), ids=REJECTED)
def test_a_line_that_can_say_several_things_is_rejected(
    tmp_path: Path, before: str, after: str, code: str
) -> None:
    assert before in WHOLE
    imported = parse(file_of(tmp_path, WHOLE.replace(before, after, 1)), tmp_path / "parsed")
    assert imported.codes() == [code]
    assert imported.parsed.warnings == ()
    assert imported.orders.height == len(SOUND)


def test_a_line_with_another_delimiter_is_read(tmp_path: Path) -> None:
    tabs = "\t".join(next(csv.reader([WHOLE])))
    imported = parse(file_of(tmp_path, tabs), tmp_path / "parsed")
    assert len(number_2001(imported)) == 1
    assert [warning.code for warning in imported.parsed.warnings] == ["other_delimiter"]


def test_an_option_rejects_all_broken_lines(tmp_path: Path) -> None:
    file = file_of(tmp_path, WHOLE.replace("SKU-777,", "SKU-777,,"))
    assert parse(file, tmp_path / "parsed", broken_lines="reject").codes() == ["field_count"]
    with pytest.raises(FileRefused, match="broken_lines"):
        parse(file, tmp_path / "parsed", broken_lines="guess")


def test_lines_of_another_length_next_to_each_other_are_rejected(tmp_path: Path) -> None:
    doubled = WHOLE.replace("SKU-777,", "SKU-777,,")
    imported = parse(file_of(tmp_path, f"{doubled}\n{doubled}"), tmp_path / "parsed")
    assert imported.codes() == ["field_count", "field_count"]


def test_a_short_file_says_too_little_about_its_columns(tmp_path: Path) -> None:
    imported = parse(file_of(tmp_path, WHOLE.replace("SKU-777,", "SKU-777,,"), SOUND[:10]), tmp_path / "out")
    assert imported.codes() == ["field_count"]


def test_a_doubled_delimiter_could_be_a_decimal_comma_where_none_are_quoted(tmp_path: Path) -> None:
    plain = [line.replace(", ", " ") for line in SOUND]
    broken = "2001,5,Doe J.,2025-11-10 10:00:00,SKU-777,Mug black,2,,50,USD,https://shop.example/7,please"
    assert parse(file_of(tmp_path, broken, plain), tmp_path / "parsed").codes() == ["field_count"]


def test_a_line_that_is_cut_off_is_never_completed(tmp_path: Path) -> None:
    without_notes = [line.rpartition(',"')[0] + "," for line in SOUND]
    cut = WHOLE.partition(',"For')[0]
    middle = file_of(tmp_path, cut, without_notes)
    assert parse(middle, tmp_path / "middle").codes() == ["field_count"]
    middle.write_text("\n".join([HEADER, *without_notes, cut]), encoding="utf-8")
    assert parse(middle, tmp_path / "end").codes() == ["cut_off"]


def test_only_so_many_lines_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairs, "MOST_LOOKED_AT", 1)
    broken = WHOLE.replace("SKU-777,", "SKU-777,,")
    imported = parse(
        file_of(tmp_path, f"{broken}\n{SOUND[0].replace('1001', '3001')}\n{broken}"), tmp_path / "parsed"
    )
    assert imported.codes() == ["order_rejected", "field_count"]


@examples(10)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=4))
def test_the_same_lines_are_read_however_the_text_is_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    doubled, missing = WHOLE.replace("SKU-777,", "SKU-777,,"), WHOLE.replace("50,USD", "50USD")
    several = "\n".join([doubled, SOUND[0], missing, SOUND[1], doubled, missing, SOUND[2], missing])
    file = file_of(tmp_path_factory.mktemp("cut"), several)
    data = file.read_bytes()
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    layout = Layout(WIDTH, {str(at): at for at in range(WIDTH)})
    frames = RecordReader(Dialect(), layout, file.name).frames(iter(data[a:b] for a, b in pairwise(edges)))
    repairing = Repairs(open_source(file), "utf-8", Dialect(), layout, keep_quotes=False)
    table = pl.concat(repairing.applied(frames))
    assert table["record"].to_list() == list(range(1, table.height + 1))
    assert table.filter(pl.col("problem").is_not_null())["line"].to_list() == [56, 57]
    assert {warning.code: warning.count for warning in repairing.warnings} == {
        "delimiter_doubled": 1,
        "delimiter_missing": 2,
    }


def damaged(row: list[str], chance: random.Random) -> str:
    """Writes a row with a single fault: a delimiter or a value too many or too few, or a stray quote."""
    at = chance.randrange(len(row))
    values = chance.choice(
        [row, [*row[:at], *row[at + 1 :]], [*row[:at], chance.choice(["", "5"]), *row[at:]]]
    )
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    line = out.getvalue()
    if values is not row:
        return line
    place = chance.choice([at for at, character in enumerate(line) if character == ","])
    return chance.choice(
        [
            line[:place] + line[place + 1 :],
            line[:place] + "," + line[place:],
            line[: place + 1] + '"' + line[place + 1 :],
        ]
    )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LineReader:
    file = file_of(tmp_path_factory.mktemp("learned"), WHOLE)
    shape = learn_shape(open_source(file), "utf-8", Dialect(), Layout(WIDTH, {}))
    assert shape is not None
    return LineReader(Dialect(), shape)


@examples(150)
@given(chance=st.randoms(use_true_random=False))
def test_a_reading_says_what_the_undamaged_line_said(reader: LineReader, chance: random.Random) -> None:
    row = next(csv.reader([chance.choice([WHOLE, *SOUND])]))
    line = damaged(row, chance)
    reading = None if len(next(csv.reader([line]))) == WIDTH else reader.only_reading(line)
    if reading is not None:
        stray = '"' if reading.fault is Fault.STRAY_QUOTE else "\n"
        assert [text.replace(stray, "") for text in reading.fields] == [
            text.replace(stray, "") for text in row
        ]
