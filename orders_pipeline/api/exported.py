"""Tables as files over HTTP. A file is complete before it is sent, so no client gets only a part of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO

from fastapi import Query
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.models.responses import Responses
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.exports.formats.file_format import FileFormat, write_table
from orders_pipeline.exports.table import ExportTable, Row
from orders_pipeline.store.engine import reading

# Each holds a connection of a small pool until its file is written.
MOST_AT_ONCE = 2
CHUNK = 1 << 18
ENOUGH = {"Retry-After": "10"}
_at_work = threading.BoundedSemaphore(MOST_AT_ONCE)
FILE: Responses = {
    200: {
        "description": "The table as a file.",
        "content": {file_format.media_type: {} for file_format in FileFormat},
    }
}
EscapeFormulas = Annotated[
    bool, Query(description="For CSV: escape text that a spreadsheet would run as a formula.")
]


def table_file(
    context: ApiContext,
    name: str,
    file_format: FileFormat,
    table: ExportTable,
    rows: Callable[[Connection], Iterator[Row]],
    *,
    escape_formulas: bool,
) -> Response:
    """The response with a table as a file to save.

    Args:
        name: of the file, without an ending.
        rows: reads the rows from the store.

    Raises:
        Refused: 503, other files are being written.
    """

    def write(connection: Connection, file: BinaryIO) -> None:
        write_table(file, file_format, table, rows(connection), escape_formulas=escape_formulas)

    return whole_file(context, f"{name}.{file_format}", file_format.media_type, write)


def whole_file(
    context: ApiContext, name: str, media_type: str, write: Callable[[Connection, BinaryIO], None]
) -> Response:
    """The response with a file to save, of which `write` makes the content from the store.

    Raises:
        Refused: 503, other files are being written.
    """
    if not _at_work.acquire(blocking=False):
        raise Refused(503, f"{MOST_AT_ONCE} files are being written already. Try again later.", ENOUGH)
    try:
        file = TemporaryFile()  # noqa: SIM115 closed when it is sent
        try:
            with reading(context.engine) as connection:
                write(connection, file)
        except BaseException:
            file.close()
            raise
    finally:
        _at_work.release()
    headers = {
        "Content-Length": str(file.tell()),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    file.seek(0)
    return StreamingResponse(_sent(file), 200, headers, media_type)


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
