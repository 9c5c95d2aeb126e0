"""Any beginning of a file is identified or refused in time: no step takes quadratic time."""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.header_names import MOST_COLUMNS, places_of
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.proposals.propose import propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.tables.xlsx_parts import is_date_format
from tests.unit.order_files.files import HEADER, line

BYTES = 440 << 10
# Seconds of this process. A quadratic step takes more than a minute, a linear one about one second.
AT_MOST = 8.0
chance = random.Random(3)  # noqa: S311
PUNCTUATION = "!#$%&()*+-./:<=>?@[]^{|}~"


def made_of(characters: str, number: int = BYTES) -> str:
    table = (characters * 256)[:256].encode()
    return chance.randbytes(number).translate(table).decode()


def repeated(text: str) -> str:
    return text * (BYTES // len(text))


HEADS = {
    "punctuation": made_of(PUNCTUATION),
    "two lines of punctuation": f"{made_of(PUNCTUATION, BYTES // 2)}\n" * 2,
    "many lines of punctuation": "\n".join(made_of(PUNCTUATION, 4000) for _ in range(100)),
    "commas": repeated(","),
    "two lines of columns": f"{repeated('a,')}\n" * 2,
    "columns with names": ",".join(f"column {number}" for number in range(BYTES // 12)),
    "columns of items": ",".join(f"line_item_{number}" for number in range(BYTES // 14)),
    "quotes": repeated('"'),
    "an open quote on each line": repeated('"a,b\n'),
    "both quotes": repeated("'\""),
    "escaped quotes": repeated('\\"'),
    "a header, then open quotes": HEADER + "\n" + repeated('"a,'),
    "headers that lack a column": repeated("order_id,customer_id\n"),
    "spaces": repeated('" ,'),
    "long delimiters": repeated("a||b~|~"),
    "all of it": made_of("a1,;|\t\"'\\ \n"),
    "an open tag": "<" + repeated("a"),
    "an open tag with attributes": "<a" + repeated(" x"),
    "a note of an export": "reject_code " + repeated("read as a"),
}


@pytest.mark.parametrize("head", HEADS)
def test_a_hostile_head_is_read_in_time(tmp_path: Path, head: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEADS[head])
    began = time.process_time()
    with suppress(FileRefused):
        identify(file, None, ReadOptions())
    assert time.process_time() - began < AT_MOST


def test_a_profile_for_two_thousand_columns_is_drafted_in_time(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    more = range(MOST_COLUMNS - len(HEADER.split(",")))
    rows = [",".join([line(), *(f"{row} of {at}" for at in more)]) for row in range(50)]
    file.write_text("\n".join([",".join([HEADER, *(f"extra {at}" for at in more)]), *rows]))
    began = time.process_time()
    assert propose_profile(file, ReadOptions()).missing == ()
    assert time.process_time() - began < AT_MOST


def test_no_profile_is_drafted_for_a_row_with_too_many_columns(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("a:" * MOST_COLUMNS + "a")
    with pytest.raises(FileRefused, match="has 2,001 columns") as refused:
        propose_profile(file, ReadOptions())
    assert refused.value.code == "header_missing"


@pytest.mark.parametrize("code", ["[", "[h", '"'])
def test_a_hostile_number_format_is_read_in_time(code: str) -> None:
    began = time.process_time()
    is_date_format(repeated(code))
    assert time.process_time() - began < AT_MOST


def test_a_hostile_name_of_a_column_is_read_in_time(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    names = {f"{' ' * BYTES}{at}": "x" for at in range(2)}
    file.write_text(json.dumps([{"items": [names]}]))
    began = time.process_time()
    with suppress(FileRefused):
        propose_profile(file, ReadOptions())
    assert time.process_time() - began < AT_MOST


def test_a_row_with_too_many_columns_is_no_header() -> None:
    header = ("order_id", *("x" for _ in range(MOST_COLUMNS - 1)))
    assert places_of("Order ID", header) == [0]
    assert places_of("order_id", (*header, "x")) == []
