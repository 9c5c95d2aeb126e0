"""How a file's columns were read, noted in the export of its rejects, as a few lines may not show it."""

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


def note_of_export(read_as: str, key: str) -> str:
    """The note, with the partition key of the import whose rejects are exported."""
    parted = "" if read_as.endswith(" ") else "&"
    return f"{read_as}{parted}import={key}"


def note(encoding: str, dates: str, decimal: str) -> str:
    """The note for a file read so; `dates` as in `ReadOptions.date_format`.

    It holds no delimiter and no quote. Unicode shows itself, also where the export changes its form.
    """
    shown = codecs.lookup(encoding).name.startswith(("utf-", "ascii"))
    parts = {"encoding": "" if shown else encoding, "dates": dates, "decimal": decimal}
    return "read as " + "&".join(f"{name}={_plain(value)}" for name, value in parts.items() if value)


def _plain(value: str) -> str:
    return quote(value, safe="").replace("~", "%7E")


def reasons_in(header: tuple[str, ...]) -> int:
    """How many columns at the front of a header are those of an export of rejects."""
    own = header[: len(REASON_COLUMNS)] == REASON_COLUMNS
    return len(REASON_COLUMNS) + 1 if own else 0


def told_by_export(head: bytes, options: ReadOptions) -> ReadOptions:
    """`options`, filled in with what the note of an export says; what was given counts more."""
    told = _told(head)
    return replace(
        options,
        encoding=options.encoding or unquote(told.get("encoding", "")) or None,
        date_format=options.date_format or unquote(told.get("dates", "")) or None,
        decimal=options.decimal or unquote(told.get("decimal", "")) or None,
    )


def exported_from(path: Path) -> str | None:
    """The partition key of the import whose rejects a file holds; None if it is no such export."""
    try:
        with path.open("rb") as file:
            return unquote(_told(file.read(_NOTE_IS_WITHIN)).get("import", "")) or None
    except OSError:
        return None


def _told(head: bytes) -> dict[str, str]:
    found = _NOTE.search(head)
    if not found or REASON_COLUMNS[0].encode() not in head[: found.start()]:
        return {}
    return dict(part.split("=", 1) for part in found[1].decode("ascii").split("&") if "=" in part)
