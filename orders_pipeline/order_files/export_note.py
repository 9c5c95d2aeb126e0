"""The note in an export of rejects: how the columns of the original file were read.

The few lines of an export may not be enough to detect its encoding, date order and decimal separator, so the
note contains them.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from orders_pipeline.order_files.read_options import ReadOptions

REASON_COLUMNS = ("reject_code", "reject_line", "reject_column", "reject_message", "reject_hint")

_NOTE = re.compile(rb"read as ([\w=&%.-]+)")
_NOTE_IS_WITHIN = 4096


def with_import(export_note: str, key: str) -> str:
    """Returns a note with the partition key of the import whose rejects are exported."""
    return _with(export_note, f"import={key}")


def with_quote(export_note: str, character: str) -> str:
    """Returns a note with the quote character, for an export that contains many apostrophes of its own."""
    return _with(export_note, f"quote={_plain(character)}")


def _with(export_note: str, part: str) -> str:
    return f"{export_note}{'' if export_note.endswith(' ') else '&'}{part}"


def note(encoding: str, dates: str, decimal: str) -> str:
    """Returns the note for a file that was read like this; `dates` is as in `ReadOptions.date_format`.

    The note contains no delimiter and no quote character. It leaves out Unicode encodings, which are
    detected reliably and which the export may change.
    """
    shown = codecs.lookup(encoding).name.startswith(("utf-", "ascii"))
    parts = {"encoding": "" if shown else encoding, "dates": dates, "decimal": decimal}
    return "read as " + "&".join(f"{name}={_plain(value)}" for name, value in parts.items() if value)


def _plain(value: str) -> str:
    return quote(value, safe="").replace("~", "%7E")


def reasons_in(header: tuple[str, ...]) -> int:
    """Returns the number of reason columns that an export of rejects added at the start of a header."""
    own = header[: len(REASON_COLUMNS)] == REASON_COLUMNS
    return len(REASON_COLUMNS) + 1 if own else 0


def with_noted_options(head: bytes, options: ReadOptions) -> ReadOptions:
    """Completes `options` from the note of an export; options that are set stay as they are."""
    noted = _noted(head)
    return replace(
        options,
        quote=unquote(noted["quote"]) if options.quote is None and "quote" in noted else options.quote,
        encoding=options.encoding or unquote(noted.get("encoding", "")) or None,
        date_format=options.date_format or unquote(noted.get("dates", "")) or None,
        decimal=options.decimal or unquote(noted.get("decimal", "")) or None,
    )


def exported_from(path: Path) -> str | None:
    """Returns the partition key of the import whose rejects a file contains; None for any other file."""
    try:
        with path.open("rb") as file:
            return exported_in(file.read(_NOTE_IS_WITHIN))
    except OSError:
        return None


def exported_in(head: bytes) -> str | None:
    """Returns the partition key in the note of an export that begins with `head`."""
    return unquote(_noted(head).get("import", "")) or None


def _noted(head: bytes) -> dict[str, str]:
    found = _NOTE.search(head)
    if not found or REASON_COLUMNS[0].encode() not in head[: found.start()]:
        return {}
    return dict(part.split("=", 1) for part in found[1].decode("ascii").split("&") if "=" in part)
