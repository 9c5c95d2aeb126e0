"""Workbooks: cells are read as Excel shows them, the right sheet is chosen, and hostile files are refused."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import xlwt

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.columns.origin import origin_of
from orders_pipeline.order_files.export_note import REASON_COLUMNS
from orders_pipeline.order_files.proposals.propose import propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.records.source import open_source
from orders_pipeline.order_files.records.tables import rows, xml_parts
from orders_pipeline.order_files.rejects.export import RejectedLine, export_rejects
from tests.unit.order_files.files import HEADER
from tests.unit.order_files.parsing import Imported, parse

COLUMNS = HEADER.split(",")
FIXTURES = Path(__file__).parent / "workbooks"
ORDERED = datetime(2025, 11, 10, 14, 5)  # noqa: DTZ001 a cell has no zone


def order(
    number: Any = 1, sku: Any = "S-1", quantity: Any = 1, price: Any = 2.5, at: Any = ORDERED
) -> list[Any]:
    return [number, 7, "Ann", sku, "Mug", quantity, price, "USD", at]


def workbook(path: Path, sheets: dict[str, list[list[Any]]], **options: Any) -> Path:
    """Writes an .xlsx file. A row is a list of cells; an empty list omits the row."""
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm", **options})
    for name, cells in sheets.items():
        sheet = book.add_worksheet(name)
        for at, row in enumerate(cells):
            sheet.write_row(at, 0, row)
    book.close()
    return path


def old_workbook(path: Path, *cells: list[Any]) -> Path:
    """Writes an .xls file."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Orders")
    for at, row in enumerate(cells):
        for column, value in enumerate(row):
            style = "YYYY-MM-DD hh:mm" if isinstance(value, datetime) else "general"
            sheet.write(at, column, value, xlwt.easyxf(num_format_str=style))
    book.save(str(path))
    return path


def refusal(path: Path, **options: Any) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        identify(path, None, ReadOptions(**options))
    assert path.name in refused.value.message
    assert refused.value.hint
    return refused.value


def numbers(imported: Imported) -> list[str]:
    return imported.orders["number"].to_list()


def raws(imported: Imported) -> list[str]:
    return imported.rejects["raw"].to_list()


@pytest.mark.parametrize("name", ["orders.xlsx", "orders.csv", "orders"])
def test_a_workbook_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    file = workbook(tmp_path / name, {"Orders": [COLUMNS, order(), order(2, price=0.1 + 0.2)]})
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.select("number", "total", "first_line").rows() == [("1", 250, 2), ("2", 30, 3)]
    assert imported.identified.place(3) == "row 3 of sheet Orders"


def test_an_old_workbook_has_the_same_values(tmp_path: Path) -> None:
    file = old_workbook(
        tmp_path / "orders.xls", COLUMNS, order("007"), order(12, quantity=2, price=0.1 + 0.2)
    )
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.select("number", "total").rows() == [("007", 250), ("12", 60)]
    assert imported.orders["day"].unique().to_list() == [ORDERED.date()]


def test_an_open_document_skips_blank_rows_notes_and_hidden_sheets(tmp_path: Path) -> None:
    imported = parse(FIXTURES / "orders.ods", tmp_path / "parsed")
    assert imported.orders.select("number", "total", "first_line").rows() == [
        ("00012", 60, 4),
        ("13", 500, 1005),
    ]
    assert imported.lines["sku"].to_list() == ["S-1", "S-2"]
    assert imported.parsed.records == 2


def test_cells_are_written_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    cells = [
        COLUMNS,
        order("00042", sku=1001, quantity="?", price=0.30000000000000004, at=date(2025, 11, 10)),
        order(1234567890123456789, quantity="?", price=1.125, at=time(14, 5)),
        order(5, sku=True, quantity="?", price='say "1,5"', at=45000.5),
    ]
    imported = parse(workbook(tmp_path / "orders.xlsx", {"Orders": cells}), tmp_path / "parsed")
    assert raws(imported) == [
        "00042,7,Ann,1001,Mug,?,0.3,USD,2025-11-10",
        "1.23456789012346E+18,7,Ann,S-1,Mug,?,1.1250,USD,14:05:00",
        '5,7,Ann,TRUE,Mug,?,"say ""1,5""",USD,45000.5',
    ]


@pytest.mark.parametrize("epoch", [False, True])
def test_dates_count_from_the_epoch_of_the_workbook(tmp_path: Path, epoch: bool) -> None:
    file = workbook(tmp_path / "o.xlsx", {"Orders": [COLUMNS, order()]}, date_1904=epoch)
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders["ordered_at"].to_list() == [int(ORDERED.timestamp() * 1_000_000)]


def test_a_serial_number_that_is_not_shown_as_a_date_is_not_one(tmp_path: Path) -> None:
    file = workbook(tmp_path / "o.xlsx", {"Orders": [COLUMNS, order(), order(2, at=45991)]})
    assert parse(file, tmp_path / "parsed").codes() == ["date_unreadable"]


def test_numbers_are_not_read_with_the_decimal_separator_of_texts(tmp_path: Path) -> None:
    file = workbook(tmp_path / "o.xlsx", {"Orders": [COLUMNS, order(price="12,50"), order(2, price=12.345)]})
    imported = parse(file, tmp_path / "parsed", decimal=",")
    assert imported.lines["total"].to_list() == [125_000, 123_450]


def test_prices_with_three_decimals_need_no_decimal_separator(tmp_path: Path) -> None:
    file = workbook(tmp_path / "o.xlsx", {"Orders": [COLUMNS, order(price=1.125), order(2, price=2.375)]})
    assert parse(file, tmp_path / "parsed").lines["total"].to_list() == [11_250, 23_750]


def test_formulas_count_by_their_saved_values(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Orders")
    for at, row in enumerate([COLUMNS, order(1), order(2), order(3)]):
        sheet.write_row(at, 0, row)
    sheet.write_formula(1, 6, "=1+1", None, 2)
    sheet.write_formula(2, 3, '="S-"&2', None, "S-2")
    sheet.write_formula(3, 5, "=1/0", None, "#DIV/0!")
    book.close()
    imported = parse(path, tmp_path / "parsed")
    assert imported.lines.select("sku", "total").rows() == [("S-1", 20_000), ("S-2", 25_000)]
    assert imported.codes() == ["cell_error"]
    assert "#DIV/0! in quantity" in imported.rejects["message"][0]


def test_a_formula_that_was_never_computed_rejects_the_order(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [COLUMNS, order(1), order(2)]:
        book.active.append(row)
    book.active["H3"] = '="EUR"'
    book.save(tmp_path / "orders.xlsx")
    imported = parse(tmp_path / "orders.xlsx", tmp_path / "parsed")
    assert numbers(imported) == ["1"]
    assert imported.codes() == ["cell_error"]
    assert "#NOT_COMPUTED in currency" in imported.rejects["message"][0]


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_an_error_in_an_optional_column_is_not_a_blank(tmp_path: Path, kind: str) -> None:
    cells = [COLUMNS, order(1), order(2)]
    if kind == "xls":
        book = xlwt.Workbook()
        sheet = book.add_sheet("Orders")
        for at, row in enumerate(cells):
            for column, value in enumerate(row):
                if (at, column) != (2, 1):
                    sheet.write(at, column, "2025-11-10" if value == ORDERED else value)
        sheet.row(2).set_cell_error(1, 42)
        book.save(str(tmp_path / "orders.xls"))
    else:
        cells[2][1] = "#N/A"
        workbook(tmp_path / "orders.xls", {"Orders": cells})
    imported = parse(tmp_path / "orders.xls", tmp_path / "parsed")
    assert numbers(imported) == ["1"]
    assert imported.codes() == ["cell_error"]


def test_an_error_outside_of_the_columns_that_are_read_does_no_harm(tmp_path: Path) -> None:
    cells = [[*COLUMNS, "margin"], [*order(), "#REF!"]]
    assert numbers(parse(workbook(tmp_path / "o.xlsx", {"Orders": cells}), tmp_path / "parsed")) == ["1"]


def test_title_and_blank_rows_before_the_header_are_skipped(tmp_path: Path) -> None:
    cells = [[], ["Orders of November"], [], COLUMNS, order(), [], order(2), [], []]
    imported = parse(workbook(tmp_path / "o.xlsx", {"Orders": cells}), tmp_path / "parsed")
    assert imported.orders.select("number", "first_line").rows() == [("1", 5), ("2", 7)]
    assert imported.parsed.records == 2
    assert imported.identified.header_line == 4
    with_option = parse(tmp_path / "o.xlsx", tmp_path / "parsed", header_line=4)  # type: ignore[arg-type]
    assert numbers(with_option) == ["1", "2"]


def test_merged_cells_have_their_value_once(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [COLUMNS, order(1), order(1, sku="S-2")]:
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    book.save(tmp_path / "orders.xlsx")
    assert "order_number_missing" in parse(tmp_path / "orders.xlsx", tmp_path / "parsed").codes()


def test_the_sheet_that_fits_is_read(tmp_path: Path) -> None:
    sheets = {"Summary": [["Total", 5]], "Orders": [COLUMNS, order()], "Empty": []}
    file = workbook(tmp_path / "o.xlsx", sheets)
    assert parse(file, tmp_path / "parsed").identified.table == "Orders"


def test_several_sheets_that_fit_are_refused_by_name(tmp_path: Path) -> None:
    file = workbook(tmp_path / "o.xlsx", {"May": [COLUMNS, order(1)], "June": [COLUMNS, order(2)]})
    refused = refusal(file)
    assert refused.code == "sheet_ambiguous"
    assert "May, June" in refused.message
    assert "--sheet" in refused.hint
    assert numbers(parse(file, tmp_path / "parsed", sheet="June")) == ["2"]
    assert refusal(file, sheet="July").code == "sheet_unknown"


def test_a_hidden_sheet_is_read_only_by_name(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    for name, number in (("Orders", 1), ("Old", 2)):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, COLUMNS)
        sheet.write_row(1, 0, order(number))
    sheet.hide()
    book.close()
    assert numbers(parse(path, tmp_path / "parsed")) == ["1"]
    assert numbers(parse(path, tmp_path / "parsed", sheet="Old")) == ["2"]


def test_a_sheet_is_refused_where_there_are_none(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEADER + "\n")
    assert refusal(file, sheet="Orders").code == "sheet_unknown"


def test_rejects_are_exported_corrected_and_imported(tmp_path: Path) -> None:
    cells = [COLUMNS, order(1), order(2, sku='M, "x"', quantity="two"), order(2, sku="multi\nline")]
    imported = parse(workbook(tmp_path / "o.xlsx", {"Orders": cells}), tmp_path / "parsed")
    names = ("record", "line", "code", "column", "message", "hint", "raw")
    rejects = [RejectedLine(**row) for row in imported.rejects.sort("record").select(names).to_dicts()]
    export = io.BytesIO()
    export_rejects(rejects, imported.identified, imported.parsed.export_note, "utf-8", export)
    text = export.getvalue().decode()
    assert text.startswith(REASON_COLUMNS[0])
    assert "row 3 of sheet Orders" in text
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(text.replace(",two,", ",2,"), newline="")
    again = parse(corrected, tmp_path / "again")
    assert again.parsed.rejected_lines == 0
    assert again.lines["sku"].to_list() == ['M, "x"', "multi\nline"]
    assert again.orders.select("number", "total").rows() == [("2", 750)]


def test_an_export_of_rejects_that_was_saved_as_a_workbook_keeps_its_origin(tmp_path: Path) -> None:
    note = "read as dates=DMY&decimal=%2C&import=orders.csv-0123456789ab"
    header = [*REASON_COLUMNS, note, *COLUMNS]
    reasons = ["quantity_unreadable", "3", "quantity", "", "", ""]
    cells = [header, [*reasons, *order(2, price=2.5, at="10/11/2025")]]
    file = workbook(tmp_path / "fixed.xlsx", {"fixed": cells})
    assert origin_of(file) == "orders.csv-0123456789ab"
    imported = parse(file, tmp_path / "parsed")
    assert imported.orders.select("number", "total", "day").rows() == [("2", 250, ORDERED.date())]
    assert origin_of(workbook(tmp_path / "o.xlsx", {"Orders": [COLUMNS, order()]})) is None


def test_a_profile_is_drafted_from_a_sheet(tmp_path: Path) -> None:
    cells = [["Orders of May"], [], COLUMNS, order(), order(2)]
    proposal = propose_profile(workbook(tmp_path / "o.xlsx", {"May": cells}), ReadOptions())
    assert proposal.fits == ("default",)
    assert 'order_number = "order_id"' in proposal.toml


def test_each_kind_of_encrypted_workbook_is_refused_as_such(tmp_path: Path) -> None:
    assert refusal(FIXTURES / "encrypted.xlsx").code == "archive_encrypted"
    old = old_workbook(tmp_path / "old.xls", COLUMNS, order())
    interface_record, password_record = struct.pack("<HH", 0xE1, 2), struct.pack("<HH", 0x2F, 2)
    content = old.read_bytes()
    assert content.count(interface_record) == 1
    old.write_bytes(content.replace(interface_record, password_record))
    assert refusal(old).code in {"archive_encrypted", "file_damaged"}
    document = repacked(
        FIXTURES / "orders.ods", tmp_path / "o.ods", "META-INF/manifest.xml", b"<encryption-data/>"
    )
    assert refusal(document).code == "archive_encrypted"


def repacked(source: Path, target: Path, name: str, content: bytes | Callable[[bytes], bytes]) -> Path:
    """Copies a packed workbook with one part replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            part = old.read(info)
            if info.filename == name:
                part = content(part) if callable(content) else content
            new.writestr(info.filename, part)
    return target


WRONG_KINDS = {
    "an HTML page": b"<html><body><table><tr><td>order_id</td></tr></table></body></html>",
    "an Excel 2003 XML spreadsheet": (
        b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
    ),
    "an XML document": b"<orders><order/></orders>",
    "an Office document without a sheet": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_a_file_named_like_a_workbook_is_called_what_it_is(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "orders.xls"
    file.write_bytes(WRONG_KINDS[kind])
    refused = refusal(file)
    assert refused.code == "not_text"
    assert kind in refused.message


@pytest.mark.parametrize("name", ["xl/workbook.bin", "word/document.xml"])
def test_other_packed_documents_are_called_what_they_are(tmp_path: Path, name: str) -> None:
    file = tmp_path / "orders.xlsx"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "x")
    assert refusal(file).code == "not_text"


SHEET = "xl/worksheets/sheet1.xml"
FREE = 2 << 20


def bombed(tmp_path: Path, part: str, make: Callable[[bytes], bytes]) -> Path:
    plain = workbook(tmp_path / "plain.xlsx", {"Orders": [COLUMNS, order()]})
    return repacked(plain, tmp_path / "bomb.xlsx", part, make)


def after_header(more: bytes) -> Callable[[bytes], bytes]:
    return lambda sheet: sheet.replace(b"</sheetData>", more + b"</sheetData>")


BOMBS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "blanks": (SHEET, after_header(b" " * (FREE + 1)), "archive_too_large"),
    "empty rows": (SHEET, after_header(b"<row/>" * (FREE // 6 + 1)), "archive_too_large"),
    "shared texts": (
        "xl/sharedStrings.xml",
        lambda texts: texts.replace(b"</sst>", b"<si><t>%s</t></si></sst>" % (b"x" * FREE)),
        "archive_too_large",
    ),
    "a long text in many cells": (
        SHEET,
        lambda sheet: sheet.replace(
            b"</sheetData>",
            b"<row>%s</row></sheetData>"
            % (b'<c t="inlineStr"><is><t>%s</t></is></c>' % (b"x" * 30_000) * 70),
        ),
        "archive_too_large",
    ),
    "entities": (
        SHEET,
        lambda sheet: sheet.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet', 1),
        "file_damaged",
    ),
    "external entities": (
        SHEET,
        lambda sheet: sheet.replace(
            b"<worksheet", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet', 1
        ),
        "file_damaged",
    ),
    "a cell far to the right": (
        SHEET,
        after_header(b'<row><c r="ZZZZ9"><v>1</v></c></row>'),
        "too_many_columns",
    ),
    "an unknown shared text": (SHEET, after_header(b'<row><c t="s"><v>99</v></c></row>'), "file_damaged"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_workbook_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    part, make, code = BOMBS[name]
    for module in (rows, xml_parts):
        monkeypatch.setattr(module, "FREE_BYTES", FREE)
    with pytest.raises(FileRefused) as refused:
        parse(bombed(tmp_path, part, make), tmp_path / "parsed")
    assert refused.value.code == code


def test_two_cells_in_opposite_corners_are_two_cells(tmp_path: Path) -> None:
    corner = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    imported = parse(bombed(tmp_path, SHEET, after_header(corner)), tmp_path / "parsed")
    assert numbers(imported) == ["1"]
    assert imported.codes() == ["blank_line"]


def test_a_workbook_damaged_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    draw = random.Random(7)  # noqa: S311 not for secrets
    wholes = [
        workbook(tmp_path / "w.xlsx", {"Orders": [COLUMNS, *(order(n) for n in range(20))]}).read_bytes(),
        old_workbook(tmp_path / "w.xls", COLUMNS, *(order(n) for n in range(20))).read_bytes(),
        (FIXTURES / "orders.ods").read_bytes(),
    ]
    refused = 0
    for at in range(60):
        whole = wholes[at % 3]
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(8, len(damaged))] = draw.randrange(256)
        file = tmp_path / "damaged"
        file.write_bytes(bytes(damaged[: draw.choice([None, draw.randrange(8, len(damaged))])]))
        try:
            parse(file, tmp_path / "parsed")
        except FileRefused:
            refused += 1
    assert refused > 15


def test_a_workbook_inside_an_archive_must_be_unpacked(tmp_path: Path) -> None:
    inner = workbook(tmp_path / "o.xlsx", {"Orders": [COLUMNS, order()]})
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "o.xlsx")
    with pytest.raises(FileRefused) as refused:
        open_source(tmp_path / "outer.zip")
    assert refused.value.code == "not_text"
    assert "Unpack" in refused.value.hint


@pytest.mark.parametrize("option", ["encoding", "delimiter", "quote", "escape"])
def test_options_of_text_are_refused_for_other_files(option: str, tmp_path: Path) -> None:
    file = workbook(tmp_path / "orders.xlsx", {"Orders": [COLUMNS, order()], "Notes": [["nothing"]]})
    for read in (identify, propose):
        with pytest.raises(FileRefused, match=rf"has no {option} to set") as refused:
            read(file, None, ReadOptions(**{option: ";"}))
        assert refused.value.hint == f"Leave out --{option}."


def propose(path: Path, _profile: None, options: ReadOptions) -> object:
    return propose_profile(path, options)


def test_a_member_is_refused_for_what_is_not_an_archive(tmp_path: Path) -> None:
    file = workbook(tmp_path / "orders.xlsx", {"Orders": [COLUMNS, order()]})
    plain = tmp_path / "orders.csv"
    plain.write_text(f"{HEADER}\n")
    for path in (file, plain):
        with pytest.raises(FileRefused, match=r"not an archive, so it has no member 'x\.csv'"):
            identify(path, None, ReadOptions(member="x.csv"))


def test_a_workbook_in_an_archive_is_refused_with_the_way_out(tmp_path: Path) -> None:
    inside = workbook(tmp_path / "orders.xlsx", {"Orders": [COLUMNS, order()]})
    file = tmp_path / "orders.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(inside, inside.name)
    with pytest.raises(FileRefused, match=r"contains .*a workbook") as refused:
        identify(file, None, ReadOptions())
    assert "Unpack it" in refused.value.hint
