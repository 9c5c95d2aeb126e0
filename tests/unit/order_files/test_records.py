"""The vectorised reader agrees with the record scanner, wherever the text is cut into chunks."""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.record_layout import Layout
from orders_pipeline.order_files.records.records import MAX_LINE_BYTES, RecordReader
from orders_pipeline.order_files.records.scanner import RecordScanner, TextLines
from orders_pipeline.order_files.reject_codes import RejectCode
from tests.sweeps import examples

COLUMNS = {"a": 0, "b": 1, "c": 2}
COMMA = Dialect()
BACKSLASH = Dialect(escape="\\")
SPACED = Dialect(skip_space=True)
SINGLE = Dialect(delimiter=";", quote="'")
UNQUOTED = Dialect(quote="")

Row = tuple[int, str | None, tuple[str | None, ...]]


def read(text: str, dialect: Dialect = COMMA, cuts: tuple[int, ...] = (), width: int = 3) -> pl.DataFrame:
    data = text.encode()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    chunks = [data[a:b] for a, b in pairwise(edges)]
    columns = {name: at for name, at in COLUMNS.items() if at < width}
    frames = list(
        RecordReader(dialect, Layout(width, columns, skip_records=0), "orders.csv").frames(iter(chunks))
    )
    empty = pl.DataFrame(schema={"line": pl.Int64, "problem": pl.String, **dict.fromkeys(columns, pl.String)})
    assert all(frame.height for frame in frames)
    return pl.concat(frames) if frames else empty


def rows(table: pl.DataFrame) -> list[Row]:
    assert not table.height or table["record"].to_list() == list(range(1, table.height + 1))
    found = table.select("line", "problem", *COLUMNS).iter_rows()
    return [(line, problem, () if problem else normal(fields)) for line, problem, *fields in found]


def normal(fields: list[str | None]) -> tuple[str | None, ...]:
    return tuple(re.sub(r"\r\r\n|\r\n|\r", "\n", field) if field else field for field in fields)


def reference(text: str, dialect: Dialect) -> list[Row]:
    lines = re.split(r"\r\r\n|\r\n|\r|\n", text)
    while lines and not lines[-1]:
        lines.pop()
    scanner = RecordScanner(dialect, TextLines(lines))
    found: list[Row] = []
    at = 0
    while at < len(lines):
        scanned = scanner.scan(at)
        assert scanned is not None
        problem = scanned.problem
        if not lines[at].strip():
            problem = RejectCode.BLANK_LINE
        elif problem is None and len(scanned.fields) != 3:
            problem = RejectCode.FIELD_COUNT
        broken = problem in (RejectCode.FIELD_COUNT, RejectCode.UNCLOSED_QUOTE)
        if broken and at + scanned.lines == len(lines) and not text.endswith(("\n", "\r")):
            problem = RejectCode.CUT_OFF
        found.append((at + 1, problem, () if problem else normal(list(scanned.fields))))
        at += scanned.lines
    return found


TEXTS = st.lists(
    st.sampled_from(
        [",", ";", '"', "'", "\n", "\r\n", "\r", "\\", " ", "a", "é", "12", '""', "x,y,z\n", '"p","q","r"\n']
    ),
    max_size=60,
).map("".join)


@examples(120)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=4).map(tuple))
@pytest.mark.parametrize(
    "dialect", [COMMA, BACKSLASH, SPACED, SINGLE, UNQUOTED], ids=lambda d: f"{d.delimiter}{d.quote}{d.escape}"
)
@example(text='a,b,"c\nd,e,f\n', cuts=())
@example(text='a,b,"c\r\n\r\n"\r\nx,y,z\r\n', cuts=(5, 9))
def test_the_reader_agrees_with_the_scanner_however_the_text_is_cut(
    dialect: Dialect, text: str, cuts: tuple[int, ...]
) -> None:
    # A carriage return at the end of a chunk may be part of a line end, so every cut must work.
    assert rows(read(text, dialect, cuts)) == reference(text, dialect)


VALUES = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs", "Co"]), max_size=12
)


@examples(100)
@given(
    table=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    cuts=st.lists(st.integers(0, 2000), max_size=3).map(tuple),
)
def test_what_the_csv_module_writes_is_read_back(
    table: list[tuple[str, str, str]], quoting: int, line_end: str, cuts: tuple[int, ...]
) -> None:
    out = io.StringIO()
    if quoting == csv.QUOTE_MINIMAL:
        # The csv module writes a bare carriage return without quotes, which makes it a line end.
        table = [(a.replace("\r", ""), b.replace("\r", ""), c.replace("\r", "")) for a, b, c in table]
    csv.writer(out, quoting=quoting, lineterminator=line_end).writerows(table)
    found = read(out.getvalue(), COMMA, cuts)
    expected = [normal(list(row)) for row in table if any(field.strip() for field in row)]
    fields = found.filter(pl.col("problem").is_null()).select(list(COLUMNS)).iter_rows()
    assert [normal(list(row)) for row in fields if any((field or "").strip() for field in row)] == expected


def test_line_ends_inside_quotes_are_kept_as_they_are() -> None:
    text = 'a,b,c\r\n"one\ntwo","three\r\nfour",c\r\n'
    assert read(text).select("a", "b").row(1) == ("one\ntwo", "three\r\nfour")


def test_physical_lines_are_counted_through_quoted_line_ends() -> None:
    table = read('a,b,c\n"1\n2\n3",b,c\nd,e,f\n')
    assert table["line"].to_list() == [1, 2, 5]
    assert table["record"].to_list() == [1, 2, 3]
    assert table["raw"].to_list() == ["a,b,c", '"1\n2\n3",b,c', "d,e,f"]


def test_blank_lines_count_in_the_middle_and_not_at_the_end() -> None:
    table = read("a,b,c\n\nd,e,f\n\n\n")
    assert table["problem"].to_list() == [None, "blank_line", None]


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    table = read('a,"b,c\nd,e,f\ng,h,i\n')
    assert table["problem"].to_list() == ["unclosed_quote", None, None]
    assert table["a"].to_list() == ["a", "d", "g"]


def test_frames_hold_few_enough_lines_whatever_is_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders_pipeline.order_files.records.records.MAX_FRAME_LINES", 3)
    text = 'a,b,c\n\n\n\n\n"1\n2\n3\n4\n5\n6",e,f\ng,h\n' + "i,j,k\n" * 5 + '"x",y,"z'
    frames = list(
        RecordReader(COMMA, Layout(3, COLUMNS, skip_records=0), "orders.csv").frames(iter([text.encode()]))
    )
    assert max(frame.height for frame in frames) <= 6
    found = [
        (line, problem) for frame in frames for line, problem in frame.select("line", "problem").iter_rows()
    ]
    assert found == [(line, problem) for line, problem, _ in reference(text, COMMA)]
    assert found[-1] == (18, "cut_off")


def test_a_stray_quote_in_a_long_file_costs_no_more_than_its_own_line() -> None:
    text = 'a,"b,c\n' + "d,e,f\n" * 300_000
    table = read(text, cuts=(10, 1_000_000))
    assert table["problem"].null_count() == 300_000
    assert table["problem"][0] == "unclosed_quote"


def test_a_quote_that_goes_on_after_its_end_costs_its_own_line_only() -> None:
    table = read('a,"b"x,c\nd,e,f\n')
    assert table["problem"].to_list() == ["stray_quote", None]


def test_a_quote_that_would_take_in_whole_records_takes_none() -> None:
    layout = Layout(3, COLUMNS, skip_records=0, looks_like_record=lambda fields: fields[1].isdigit())
    text = b'a,1,"x\nb,2,y\nc,3,z"\nd,4,w\n'
    table = pl.concat(RecordReader(COMMA, layout, "orders.csv").frames(iter([text])))
    assert table["problem"].to_list() == ["swallowed_lines"] * 3 + [None]
    assert table["a"].to_list() == ["a", "b", "c", "d"]


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    chunks = iter([b"x" * (1 << 20)] * (MAX_LINE_BYTES // (1 << 20) + 2))
    with pytest.raises(FileRefused) as refused:
        list(RecordReader(COMMA, Layout(3, COLUMNS), "orders.csv").frames(chunks))
    assert refused.value.code == "line_too_long"


def test_the_end_of_a_converted_text_is_one_line_end() -> None:
    assert rows(read("a,b,c\r\r\nd,e,f\r\r\n")) == [(1, None, ("a", "b", "c")), (2, None, ("d", "e", "f"))]
