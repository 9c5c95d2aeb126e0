"""Detects from its first bytes whether a file contains delimited text, JSON, a workbook or Parquet."""

from __future__ import annotations

import codecs
import json
import mmap
import re
import zipfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.formats.zip_archive import ZIP_ERRORS

HEAD_BYTES = 1 << 20

_ZIP, _OLE, _PARQUET = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\]])")
_HTML = re.compile(r"\s*<(?:!doctype\s+html|html|head|body|meta|table|div|style|script)\b", re.IGNORECASE)
_XML = re.compile(r"\s*<(?:\?xml|[A-Za-z][\w:.-]*+(?:[^<>]*\bxmlns|\s*>\s*<[A-Za-z]))")
_EXCEL_2003 = "urn:schemas-microsoft-com:office:spreadsheet"
_ODS_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"

# The first bytes of files that contain no table, and what users call such files.
_UNREADABLE = {
    b"%PDF": "a PDF document",
    b"PARE": "an encrypted Parquet file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "an SQLite database",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"ARROW1": "an Arrow file",
}
_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx or CSV."
_DECRYPT = "Remove the password in the spreadsheet program, or save the sheet as CSV."


class Content(StrEnum):
    """The kind of records in a file; the value is stored with its import."""

    TEXT = "text"
    JSON = "json"
    JSON_LINES = "json_lines"
    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"
    PARQUET = "parquet"


_SHEET_PLACE = "row {line} of sheet {table}"
_PLACES = {
    Content.TEXT: "line {line}",
    Content.JSON: "element {line} of the list {table}",
    Content.JSON_LINES: "line {line}",
    Content.XLSX: _SHEET_PLACE,
    Content.XLS: _SHEET_PLACE,
    Content.ODS: _SHEET_PLACE,
    Content.PARQUET: "row {line}",
}


def place_of(content: Content, table: str, line: int) -> str:
    """Returns where a record is, such as `line 12` or `row 12 of sheet Orders`."""
    return _PLACES[content].format(line=line, table=table)


def place_in(identified: Mapping[str, Any], line: int) -> str:
    """Returns where a record is; `identified` is the stored document about how its file is read."""
    return place_of(Content(identified.get("content", "text")), identified.get("table", ""), line)


def refuse_unreadable(name: str, magic: bytes) -> None:
    """Refuses a file whose first bytes show that it contains no order lines.

    Raises:
        FileRefused: the file is of a known, unsupported kind.
    """
    for start, kind in _UNREADABLE.items():
        if magic.startswith(start):
            raise _not_an_order_file(name, kind, "Export the orders as CSV, JSON, Parquet or .xlsx.")


def binary_content(path: Path, magic: bytes) -> Content | None:
    """Returns the kind of a workbook or a Parquet file; None for text and archives.

    Raises:
        FileRefused: the file is an encrypted workbook, or a kind of document that cannot be read.
    """
    if magic.startswith(_PARQUET):
        return Content.PARQUET
    if magic.startswith(_OLE):
        return _compound_content(path)
    return _zip_content(path) if magic.startswith(_ZIP) else None


def text_content(name: str, head: bytes) -> Content:
    """Returns the kind of a text from its first bytes after unpacking.

    Raises:
        FileRefused: it is HTML or XML, or a packed file of another kind.
    """
    for magic, kind in ((_ZIP, "a zip archive or a workbook"), (_OLE, "an old Excel workbook")):
        if head.startswith(magic):
            raise _not_an_order_file(name, f"an archive that contains {kind}", "Unpack it first.")
    if head.startswith(_PARQUET):
        raise _not_an_order_file(name, "an archive that contains a Parquet file", "Unpack it first.")
    text = _decoded(head)
    if _HTML.match(text):
        raise _not_an_order_file(name, "an HTML page", f"{_SAVE_AS} If it is an error page, export again.")
    if _XML.match(text):
        kind = "an Excel 2003 XML spreadsheet" if _EXCEL_2003 in text[:4096] else "an XML document"
        raise _not_an_order_file(name, kind, _SAVE_AS)
    if _JSON.match(text):
        return Content.JSON_LINES if _is_lines(text, whole=len(head) < HEAD_BYTES) else Content.JSON
    return Content.TEXT


def _decoded(head: bytes) -> str:
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return head.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _is_lines(text: str, *, whole: bool) -> bool:
    """Whether this is JSON lines: the first line is a complete object, and more follows or it has no list."""
    first, _, rest = text.lstrip().partition("\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    several = bool(rest.strip()) or not whole
    return isinstance(value, dict) and (several or not any(map(_holds_list, value.values())))


def _holds_list(value: object) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and any(map(_holds_list, value.values())))


def _compound_content(path: Path) -> Content:
    """Tells the kinds of OLE2 compound files apart, by the names of their streams."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:

        def has(stream: str) -> bool:
            return content.find(stream.encode("utf-16-le") + b"\0\0") >= 0

        if has("EncryptedPackage"):
            raise encrypted(path.name)
        if has("Workbook") or has("Book"):
            return Content.XLS
    raise _not_an_order_file(path.name, "an Office document without a sheet", "Export the orders as CSV.")


def _zip_content(path: Path) -> Content | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            kind = _start_of(archive, "mimetype") if "mimetype" in names else b""
            manifest = _start_of(archive, "META-INF/manifest.xml") if kind else b""
    except ZIP_ERRORS:
        return None  # The code that reads the archive refuses it.
    if kind:
        return _open_document(path.name, kind, manifest)
    if "xl/workbook.bin" in names:
        raise _not_an_order_file(path.name, "a binary Excel workbook (.xlsb)", _SAVE_AS)
    if "word/document.xml" in names:
        raise _not_an_order_file(path.name, "a Word document", "Export the orders as CSV.")
    return Content.XLSX if any(name.startswith("xl/") for name in names) else None


def _start_of(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(HEAD_BYTES)


def _open_document(name: str, kind: bytes, manifest: bytes) -> Content:
    if not kind.startswith(_ODS_TYPE):
        raise _not_an_order_file(name, "an OpenDocument file without a sheet", "Export the orders as CSV.")
    if b"encryption-data" in manifest:
        raise encrypted(name)
    return Content.ODS


def encrypted(name: str) -> FileRefused:
    """Makes the refusal of an encrypted workbook."""
    return FileRefused("archive_encrypted", f"{name} is a workbook encrypted with a password.", _DECRYPT)


def _not_an_order_file(name: str, kind: str, hint: str) -> FileRefused:
    return FileRefused("not_text", f"{name} is {kind}, not an order file.", hint)
