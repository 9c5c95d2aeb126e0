"""The rejects of an import as a file that can be corrected and imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from sqlalchemy import Connection

from orders_pipeline.base.clock import to_datetime
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.documents import identified_of, parsed_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.rejects import records_without_text, rejected_lines
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.export_note import note, with_import
from orders_pipeline.order_files.rejects.export import RejectedLine, export_rejects
from orders_pipeline.order_files.rejects.originals import texts_of
from orders_pipeline.staging.staging import Staging


def require_rejects(found: Import) -> None:
    """Checks that the rejects of an import have not been removed.

    Raises:
        FileRefused: they were removed, because they were too old.
    """
    if found.rejects_removed_at is not None:
        day = to_datetime(found.rejects_removed_at).date()
        raise FileRefused(
            "rejects_removed",
            f"The rejected lines of {found.file_name} were removed on {day}: they were older than "
            "ORDERS_KEEP_REJECTS_DAYS.",
            "`orders files KEY` still shows their number by code. The order file itself has the lines.",
        )


def _unchanged(reject: RejectedLine) -> RejectedLine:
    return reject


def write_rejects(
    connection: Connection,
    staging: Staging,
    found: Import,
    target: BinaryIO,
    *,
    escape_formulas: bool = False,
    wanted: set[int] | None = None,
    change: Callable[[RejectedLine], RejectedLine] = _unchanged,
) -> int:
    """Writes all lines of each rejected order, with reasons, in the original's dialect; returns how many.

    Args:
        wanted: the records to write; None for all.
        change: changes a line before it is written.

    Raises:
        FileRefused: the text of an order stands only in the original file, whose staged copy is gone.
    """
    identified, parsed = identified_of(found), parsed_of(found)
    encoding = parsed.file.encoding if parsed else identified.encoding
    export_note = parsed.file.export_note if parsed else note(encoding, "", "")
    return export_rejects(
        map(change, _with_texts(connection, staging, found, identified, wanted)),
        identified,
        with_import(export_note, found.key),
        encoding,
        target,
        escape_formulas=escape_formulas,
    )


def _with_texts(
    connection: Connection,
    staging: Staging,
    found: Import,
    identified: Identified,
    wanted: set[int] | None,
) -> Iterator[RejectedLine]:
    missing = records_without_text(connection, found.id)
    if wanted is not None:
        missing &= wanted
    texts: dict[int, str] = {}
    if missing:
        # The store keeps no text of conflicting orders; the staged copy has it.
        with staging.original(found.key) as original:
            texts = texts_of(original, identified, missing)
    for reject in rejected_lines(connection, found.id):
        if wanted is not None and reject.record not in wanted:
            continue
        yield replace(reject, raw=texts.get(reject.record, reject.raw)) if missing else reject
