"""A file that cannot be imported is refused with one sentence that names the file and what was expected."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.columns.profile import load_profile
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.source import FREE_BYTES
from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import parse


def refusal(path: Path, profile: str | None = None, **options: str | int | None) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        identify(path, profile, ReadOptions(**options))  # type: ignore[arg-type]
    assert refused.value.hint
    assert refused.value.message.endswith(".")
    return refused.value


def write(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return out.getvalue()


CASES = [
    ("file_missing", lambda _: None),
    ("not_a_file", lambda path: path.mkdir()),
    ("file_empty", write(b"")),
    ("file_empty", write(b"\n\r\n  \n")),
    ("not_text", write(b"%PDF-1.7 ...")),
    ("file_damaged", write(b"PAR1...........")),
    ("file_damaged", write(zipped(xl__x="", **{"xl/workbook__xml": "<x/>"}))),
    ("archive_damaged", write(b"PK\x03\x04 no archive")),
    ("archive_ambiguous", write(zipped(a__csv=HEADER, b__csv=HEADER))),
    ("archive_damaged", write(gzip.compress(HEADER.encode() * 9)[:40])),
    ("header_missing", write(b"1,2,3\n4,5,6\n")),
    ("header_missing", write(b"just some text\nand more of it\n")),
    ("delimiter_too_long", write((HEADER + "\n" + line()).replace(",", "||").encode())),
    ("delimiter_too_long", write((HEADER + "\n" + line()).replace(",", "~|~").encode())),
]


@pytest.mark.parametrize(
    ("code", "prepare"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_kind_of_useless_file_has_its_own_refusal(
    code: str, prepare: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    prepare(path)
    refused = refusal(path)
    assert refused.code == code
    assert path.name in refused.message


def test_a_missing_column_is_named_with_the_nearest_profile(tmp_path: Path) -> None:
    refused = refusal(order_file(tmp_path, header=HEADER.replace("quantity", "how_many")))
    assert refused.code == "column_missing"
    assert (
        refused.message
        == "orders.csv has no column quantity, which 'default', the nearest profile, requires."
    )


def test_a_missing_column_of_a_named_profile_is_named(tmp_path: Path) -> None:
    refused = refusal(order_file(tmp_path), profile="superstore")
    assert refused.code == "column_missing"
    assert "Sales" in refused.message
    assert "the profile 'superstore'" in refused.message


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FileRefused) as refused:
        load_profile("no_such_shop")
    assert refused.value.code == "profile_unknown"
    for name in ("default", "online_retail", "shopify", "superstore", "monthly_sales", "classicmodels"):
        assert name in refused.value.message


def test_a_file_that_the_system_will_not_read_is_refused() -> None:
    assert refusal(Path("/proc/self/mem")).code == "file_unreadable"


def test_an_archive_that_unpacks_to_far_more_than_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv.gz"
    row = (line() + "\n").encode()
    with gzip.open(file, "wb") as packed:
        packed.write(HEADER.encode() + b"\n")
        block = row * (1 << 14)
        for _ in range(FREE_BYTES // len(block) + 2):
            packed.write(block)
    with pytest.raises(FileRefused) as refused:
        parse(file, tmp_path / "parsed")
    assert refused.value.code == "archive_too_large"


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    file = order_file(tmp_path, line())
    assert refusal(file, delimiter="||").code == "option_invalid"
    for options in ({"date_format": "DDMMYY"}, {"decimal": "!"}):
        with pytest.raises(FileRefused) as refused:
            parse(file, tmp_path / "parsed", **options)
        assert refused.value.code == "option_invalid"


def test_a_table_that_is_in_the_file_twice_with_changes_is_refused(tmp_path: Path) -> None:
    lines = [line(str(number)) for number in range(5)]
    changed = [*lines[:4], line("4", price="3.50")]
    with pytest.raises(FileRefused) as refused:
        parse(order_file(tmp_path, *lines, HEADER, *changed), tmp_path / "parsed")
    assert refused.value.code == "table_repeated"
    assert "line 7" in refused.value.message
