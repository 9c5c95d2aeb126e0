"""An export of rejects that was corrected by hand is imported without further instructions."""

from __future__ import annotations

import io
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.text.formulas import escaped_sign, escaping
from orders_pipeline.order_files.rejects.export import RejectedLine, export_rejects
from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.parsing import Imported, parse

HEADER = "order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date"


def exported(imported: Imported, *, escape_formulas: bool = False) -> bytes:
    columns = ("record", "line", "code", "column", "message", "hint", "raw")
    rows = [RejectedLine(*row) for row in imported.rejects.select(columns).iter_rows()]
    out = io.BytesIO()
    parsed = imported.parsed
    export_rejects(
        rows, imported.identified, parsed.export_note, parsed.encoding, out, escape_formulas=escape_formulas
    )
    return out.getvalue()


def test_corrected_lines_bring_in_the_whole_orders_and_only_those(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    lines = [
        HEADER,
        '1,7,"Ann, Lee",S-1,Mug,1,2.50,USD,2025-11-10 10:00:00',
        "2,8,Bob,S-1,Mug,x,2.50,USD,2025-11-10 10:00:00",
        "2,8,Bob,S-2,Cup,2,3.50,USD,2025-11-10 10:00:00",
        "3,9,Cid,S-1,Mug,0,2.50,USD,2025-11-10 10:00:00",
        "4,9,Dee,S-1",
    ]
    file.write_text("\n".join(lines) + "\n")
    first = parse(file, tmp_path / "a")
    assert first.orders["number"].to_list() == ["1"]
    again = tmp_path / "rejects.csv"
    again.write_bytes(exported(first).replace(b",x,2.50", b",4,2.50"))
    second = parse(again, tmp_path / "b")
    assert second.identified.profile.name == "default"
    assert second.orders.select("number", "total", "lines").rows() == [("2", 1700, 2)]
    assert second.parsed.rejects_by_code == {"field_count": 1, "quantity_not_positive": 1}


@pytest.mark.parametrize(
    "name",
    [
        "online_retail/by-day/2010-12-06.csv",
        "online_retail/online-retail-latin1-ddmmyyyy-truncated-39k.csv",
        "online_retail/online-retail-original-mdyy-crlf-1k.csv",
    ],
)
@pytest.mark.parametrize("escape_formulas", [False, True])
def test_without_corrections_the_same_lines_are_rejected_again(
    name: str, escape_formulas: bool, tmp_path: Path
) -> None:
    first = parse(dataset(name), tmp_path / "a")
    again = tmp_path / "rejects.csv"
    again.write_bytes(exported(first, escape_formulas=escape_formulas))
    second = parse(again, tmp_path / "b")
    assert second.orders.height == 0
    renamed = {
        "field_count" if code == "cut_off" else code: n for code, n in first.parsed.rejects_by_code.items()
    }
    assert second.parsed.rejects_by_code == renamed
    assert second.parsed.lines_of_rejected_orders == first.parsed.lines_of_rejected_orders


def test_dates_that_a_few_lines_leave_open_are_read_as_in_the_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    good = [f"{n},7,Ann,S-1,Mug,1,2.50,USD,{n}/11/2025 10:00" for n in range(1, 29)]
    bad = "99,7,Ann,S-1,Mug,0,2.50,USD,3/11/2025 10:00"
    file.write_text("\n".join([HEADER, *good, bad]) + "\n")
    first = parse(file, tmp_path / "a")
    again = tmp_path / "rejects.csv"
    again.write_bytes(exported(first).replace(b",0,2.50", b",1,2.50"))
    second = parse(again, tmp_path / "b")
    assert second.orders["day"].to_list() == [
        first.orders.filter(first.orders["number"] == "3")["day"].item()
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "utf-16", "utf-8"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_export_keeps_dialect_and_encoding(encoding: str, delimiter: str, tmp_path: Path) -> None:
    rows = [
        HEADER,
        '1,7,"Zoë\r\nLéa",S-1,Crème,1,2.50,USD,2025-11-10 10:00:00',
        "2,7,Zoë,S-1,Crème,,2.50,USD,2025-11-10",
    ]
    file = tmp_path / "orders.csv"
    file.write_bytes("\r\n".join([*rows, ""]).replace(",", delimiter).encode(encoding))
    first = parse(file, tmp_path / "a")
    assert first.orders["customer_name"].to_list() == ["Zoë\r\nLéa"]
    data = exported(first)
    again = tmp_path / "rejects.csv"
    again.write_bytes(
        data.replace(
            f"Crème{delimiter * 2}".encode("utf-8" if encoding == "utf-16" else encoding),
            b"X" + delimiter.encode() + b"5" + delimiter.encode(),
        )
    )
    second = parse(again, tmp_path / "b")
    assert second.identified.dialect.delimiter == delimiter
    assert second.identified.dialect.line_end == "\r\n"
    assert second.orders.select("number", "customer_name", "total").rows() == [("2", "Zoë", 1250)]


def test_formulas_are_escaped_for_spreadsheets_and_come_back_unescaped(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    row = '1,7,"=HYPERLINK(""http://x"",1)",@S-1,+Mug,-3,2.50,USD,2025-11-10 10:00:00'
    file.write_text(f"{HEADER}\n{row}\n")
    first = parse(file, tmp_path / "a")
    data = exported(first, escape_formulas=True)
    assert b"\"'=HYPERLINK" in data
    assert b"'@S-1,'+Mug,-3," in data
    again = tmp_path / "rejects.csv"
    again.write_bytes(data.replace(b",-3,", b",3,"))
    second = parse(again, tmp_path / "b")
    assert second.orders["customer_name"].item() == '=HYPERLINK("http://x",1)'
    assert second.lines["sku"].item() == "@S-1"


# Each begins a formula in some spreadsheet, which may use another delimiter than the file.
FORMULAS = [
    "=1+1",
    "+1+cmd",
    "-1+cmd",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "'=1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\uff1d1+1",
    "\uff0b1+cmd",
    "\uff0d1+cmd",
    "\uff20SUM(A1)",
    "\ufe661",
    "a,=1",
    "a;=1",
    "a; =1",
    "a|@x",
    "a\t+x",
    "a\n=1",
    "a\r\n-x",
    'a,"=1',
    "''-x",
    "-",
    "=",
    "--1",
    "+-1",
]
SIGN = re.compile("[=+@\\-\uff1d\uff0b\uff20\uff0d\ufe66]")


def cells(line: str) -> list[str]:
    """What a spreadsheet may take as the beginning of a cell: after each delimiter, blank and quote."""
    return [part.strip(' "\u00a0\u200b\ufeff') for part in re.split("[,;|\t\r\n]", line)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("broken", [False, True])
def test_no_field_begins_a_formula_in_any_spreadsheet(broken: bool, delimiter: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    rows = [HEADER.replace(",", delimiter)]
    for number, formula in enumerate(FORMULAS):
        quoted = '"{}"'.format(formula.replace('"', '""'))
        # A quote after the end of a quoted field breaks a record.
        name = f'{quoted}"x' if broken else quoted
        row = [str(number), "7", name, quoted, quoted, "x", "2.50", "USD", "2025-11-10 10:00:00"]
        rows.append(delimiter.join(row))
    file.write_bytes("\n".join([*rows, ""]).encode())
    first = parse(file, tmp_path / "a")
    data = exported(first, escape_formulas=True)
    begun = [cell for cell in cells(data.decode("utf-8-sig")) if SIGN.match(cell)]
    assert [cell for cell in begun if not re.fullmatch("[+-][0-9.]*", cell)] == []
    if not broken:
        for source, name in ((data, "rejects"), (file.read_bytes(), "plain")):
            corrected = source.replace(
                f"{delimiter}x{delimiter}".encode(), f"{delimiter}5{delimiter}".encode()
            )
            (tmp_path / f"{name}.csv").write_bytes(corrected)
        again, plain = (parse(tmp_path / f"{name}.csv", tmp_path / name) for name in ("rejects", "plain"))
        assert again.lines.equals(plain.lines)
        assert again.orders.drop("first_line", strict=False).equals(
            plain.orders.drop("first_line", strict=False)
        )


@pytest.mark.parametrize("number", ["-3", "+4.50", "-1,234.50", "2025-11-10", "a-b", "x=1", "a@example.com"])
def test_numbers_and_signs_inside_a_text_stay_as_they_are(number: str) -> None:
    assert escaping(";")(number) == number


@given(st.text(alphabet="'\"=+-@,; \t\n1a\uff1d", max_size=12))
def test_an_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = pl.Series([escaping(",")(text)])
    assert escaped.str.replace_all(escaped_sign(","), "${1}${2}").item() == text


def test_bytes_that_were_no_text_are_in_the_export_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(f"{HEADER}\n1,7,J\xff\xffe,S-1,Mug,1,2.50,USD,2025-11-10\n".encode("latin-1"))
    assert b"1,7,J\xff\xffe,S-1,Mug" in exported(parse(file, tmp_path / "a"))
