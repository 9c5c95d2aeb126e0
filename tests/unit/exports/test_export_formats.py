"""Tables as files: in each format, the values read from a file are those that were written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl
import polars as pl
import pytest

from orders_pipeline.exports.formats.file_format import FileFormat, format_of, write_table
from orders_pipeline.exports.formats.xlsx_file import write_xlsx
from orders_pipeline.exports.table import Column, ExportTable, Kind

AT = datetime(2025, 11, 10, 12, 30, 15, tzinfo=UTC)
TABLE = ExportTable(
    "things",
    "Things.",
    (
        Column("id", Kind.TEXT, "", ""),
        Column("currency", Kind.TEXT, "", ""),
        Column("total", Kind.MONEY, "", ""),
        Column("line", Kind.LINE_MONEY, "", ""),
        Column("units", Kind.UNITS, "", ""),
        Column("count", Kind.INTEGER, "", ""),
        Column("day", Kind.DAY, "", ""),
        Column("at", Kind.TIME, "", ""),
        Column("open", Kind.TRUTH, "", ""),
    ),
)
US = int(AT.timestamp()) * 1_000_000
STORED: list[list[Any]] = [
    ["00123", "USD", 10650, 1065000, 3, 7, date(2025, 11, 10), US, True],
    ['=HYPERLINK("x")', "KWD", 1234, 5, Decimal("1.5"), 0, date(2025, 11, 11), US, False],
    ["12345678901234567890", "JPY", 12345678901234567, None, None, None, None, None, None],
]


def written(file_format: FileFormat, **options: Any) -> bytes:
    target = BytesIO()
    assert write_table(target, file_format, TABLE, TABLE.rows(STORED), **options) == len(STORED)
    return target.getvalue()


def cells(content: bytes, sheet: int = 0) -> list[tuple[Any, ...]]:
    return list(openpyxl.load_workbook(BytesIO(content)).worksheets[sheet].iter_rows(values_only=True))


def test_csv_has_exact_decimals_of_each_currency() -> None:
    _, *lines = written(FileFormat.CSV).decode().splitlines()
    at = "2025-11-10T12:30:15.000+00:00"
    assert lines == [
        f"00123,USD,106.50,106.5000,3.000,7,2025-11-10,{at},True",
        f'"=HYPERLINK(""x"")",KWD,1.234,0.0005,1.500,0,2025-11-11,{at},False',
        "12345678901234567890,JPY,12345678901234567,,,,,,",
    ]
    assert "\n\"'=HYPERLINK" in written(FileFormat.CSV, escape_formulas=True).decode()


def test_json_lines_have_numbers() -> None:
    first, second, _ = map(json.loads, written(FileFormat.JSON_LINES).splitlines())
    assert first == {
        **{"id": "00123", "currency": "USD", "total": 106.5, "line": 106.5, "units": 3, "count": 7},
        **{"day": "2025-11-10", "at": "2025-11-10T12:30:15.000+00:00", "open": True},
    }
    assert (second["total"], second["units"]) == (1.234, 1.5)


def test_parquet_has_exact_types() -> None:
    frame = pl.read_parquet(BytesIO(written(FileFormat.PARQUET)))
    assert frame["total"].to_list() == [Decimal("106.5"), Decimal("1.234"), Decimal(12345678901234567)]
    assert frame["units"].to_list() == [3, Decimal("1.5"), None]
    assert frame["at"][0] == AT
    assert frame["day"].to_list() == [date(2025, 11, 10), date(2025, 11, 11), None]
    assert frame["id"][0] == "00123"


def test_a_workbook_keeps_ids_and_formulas_as_text_and_long_numbers_whole() -> None:
    header, first, second, third = cells(written(FileFormat.XLSX))
    assert header == tuple(TABLE.names)
    assert first == (
        "00123",
        "USD",
        106.5,
        106.5,
        3,
        7,
        datetime(2025, 11, 10, tzinfo=UTC).replace(tzinfo=None),
        AT.replace(tzinfo=None),
        True,
    )
    assert second[:3] == ('=HYPERLINK("x")', "KWD", 1.234)
    assert third[:3] == ("12345678901234567890", "JPY", "12345678901234567")
    book = openpyxl.load_workbook(BytesIO(written(FileFormat.XLSX)))
    cell = book.worksheets[0]["A3"]
    assert (cell.data_type, cell.number_format) == ("s", "@")


def test_a_full_sheet_is_followed_by_another_one() -> None:
    target = BytesIO()
    assert write_xlsx(target, TABLE, TABLE.rows(STORED), most_rows=3) == 3
    assert [len(cells(target.getvalue(), sheet)) for sheet in (0, 1)] == [3, 2]


@pytest.mark.parametrize("file_format", FileFormat)
def test_an_error_of_the_rows_is_raised_as_it_is(file_format: FileFormat) -> None:
    def failing() -> Any:
        yield from TABLE.rows(STORED[:1])
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError, match="lost"):
        write_table(BytesIO(), file_format, TABLE, failing())


@pytest.mark.parametrize(
    ("name", "expected"), [("a.CSV", "csv"), ("a.b.xlsx", "xlsx"), ("a", None), ("a.txt", None)]
)
def test_the_ending_of_a_name_says_the_format(name: str, expected: str | None) -> None:
    assert format_of(name) == expected
