"""The parts of an Excel workbook that describe its sheets: names, shared texts, date formats and epoch."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.source import Source
from orders_pipeline.order_files.records.tables.xml_parts import Attributes, XmlParts, local, locals_of

# Shared texts are kept in memory. This is about the memory of a text in bytes, in addition to its characters.
MAX_SHARED_BYTES = 512 << 20
TEXT_BYTES = 60

# Numbers of the built-in formats that show dates, times or both; the higher numbers are East Asian formats.
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
# The longest format code that Excel allows, in characters.
LONGEST_CODE = 255
# The parts of a format code that are no placeholders: quoted text, escaped characters, colours, conditions.
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|General', re.IGNORECASE)


@dataclass(slots=True)
class Workbook:
    """The parts of a workbook.

    Attributes:
        sheets: name of the part of each worksheet, by the sheet's name.
        visible: whether the sheet is visible.
    """

    sheets: dict[str, str] = field(default_factory=dict)
    visible: dict[str, bool] = field(default_factory=dict)
    from_1904: bool = False
    shared: str = ""
    styles: str = ""


def read_workbook(source: Source, parts: XmlParts) -> Workbook:
    """Reads the list of sheets.

    Raises:
        FileRefused: the workbook is damaged.
    """
    main = next((path for kind, path in _related(parts, "").values() if kind == "officeDocument"), None)
    if main is None or main not in parts:
        message = f"{source.name} is a damaged workbook: it has no list of sheets."
        raise FileRefused("file_damaged", message, "Save it again in a spreadsheet program.")
    related = _related(parts, main)
    book = Workbook()

    def start(name: str, attributes: Attributes) -> None:
        if local(name) == "workbookPr":
            book.from_1904 = attributes.get("date1904") in {"1", "true"}
        elif local(name) == "sheet":
            said = locals_of(attributes)
            kind, path = related.get(said.get("id", ""), ("", ""))
            if kind == "worksheet":
                sheet = said.get("name", "")
                book.sheets[sheet] = path
                book.visible[sheet] = said.get("state", "visible") == "visible"

    _parse(parts, main, start)
    for kind, path in related.values():
        if kind == "sharedStrings" and path in parts:
            book.shared = path
        elif kind == "styles" and path in parts:
            book.styles = path
    return book


def read_shared_texts(source: Source, parts: XmlParts, name: str) -> list[str]:
    """Reads the shared texts, which cells refer to by number.

    Raises:
        FileRefused: the texts take too much memory.
    """
    texts: list[str] = []
    pieces: list[str] = []
    reading = phonetic = False
    room = MAX_SHARED_BYTES

    def start(name: str, _attributes: Attributes) -> None:
        nonlocal reading, phonetic
        kind = local(name)
        reading = kind == "t" and not phonetic
        if kind == "rPh":
            phonetic = True

    def end(name: str) -> None:
        nonlocal reading, phonetic, room
        kind = local(name)
        reading = False
        if kind == "rPh":
            phonetic = False
        elif kind == "si":
            texts.append("".join(pieces))
            room -= TEXT_BYTES + len(texts[-1])
            pieces.clear()

    def text(piece: str) -> None:
        if reading:
            pieces.append(piece)

    for _ in parts.parsed(name, start, end, text) if name else ():
        if room < 0:
            message = f"{source.name} has more than {MAX_SHARED_BYTES >> 20} MiB of different texts."
            raise FileRefused("archive_too_large", message, "Save the sheet as CSV and import that.")
    return texts


def read_date_styles(parts: XmlParts, name: str) -> set[str]:
    """Returns the numbers of the cell styles that show a date or a time."""
    codes: dict[str, str] = {}
    dates: set[str] = set()
    inside = False
    count = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal inside, count
        kind = local(name)
        if kind == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif kind in {"cellXfs", "cellStyleXfs"}:
            inside = kind == "cellXfs"
        elif kind == "xf" and inside:
            used = attributes.get("numFmtId", "0")
            if is_date_format(codes[used]) if used in codes else _is_date_number(used):
                dates.add(str(count))
            count += 1

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and local(name) != "cellXfs"

    if name:
        _parse(parts, name, start, end)
    return dates


def is_date_format(code: str) -> bool:
    """Whether a number format shows a date or a time; elapsed hours (`[h]:mm`) are an amount of time."""
    shown = _LITERAL.sub("", code[:LONGEST_CODE].partition(";")[0])
    return bool(re.search(r"[ymdhs]", shown, re.IGNORECASE)) and not re.search(
        r"\[(?:h+|m+|s+)\]", shown, re.IGNORECASE
    )


def _is_date_number(number: str) -> bool:
    return number.isdigit() and int(number) in _DATE_FORMATS


def _related(parts: XmlParts, name: str) -> dict[str, tuple[str, str]]:
    """Returns the kind and the name of each part that a part refers to, by the id of the reference."""
    folder, file = posixpath.split(name)
    listed = posixpath.join(folder, "_rels", f"{file}.rels")
    found: dict[str, tuple[str, str]] = {}

    def start(element: str, attributes: Attributes) -> None:
        if local(element) == "Relationship":
            target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = kind, target.lstrip("/")

    if listed in parts:
        _parse(parts, listed, start)
    return found


def _parse(parts: XmlParts, name: str, start: object, end: object = None) -> None:
    for _ in parts.parsed(name, start, end):  # type: ignore[arg-type]
        pass
